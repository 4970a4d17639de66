// Whether somebody can see an element: its tab may be in the background, the sidebar closed, or the whole window.

/** Calls `changed` whenever that changes; at first nobody does. The function that it returns ends that. */
export function watchVisibility(
  element: HTMLElement,
  changed: (isVisible: boolean) => void,
): () => void {
  let isOnPage = false;
  let wasVisible = false;
  const update = () => {
    const isVisible = isOnPage && !document.hidden;
    if (isVisible === wasVisible) return;
    wasVisible = isVisible;
    changed(isVisible);
  };
  const observer = new IntersectionObserver((entries) => {
    isOnPage = entries.at(-1)?.isIntersecting ?? false;
    update();
  });
  observer.observe(element);
  document.addEventListener("visibilitychange", update);
  return () => {
    observer.disconnect();
    document.removeEventListener("visibilitychange", update);
    isOnPage = false;
    update();
  };
}
