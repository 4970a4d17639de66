// How well words stand out from what is behind them (WCAG 2.2, 1.4.3).
import type { Locator } from "playwright-core";
import { version } from "../support/release";
import type { Dialog } from "./dialog";

/** What WCAG 2.2 asks for. */
export const LEGIBLE = 4.5;

/** Node-RED 4 is always light. */
export const THEMES = Number.parseInt(version, 10) >= 5 ? ["light", "dark"] : ["light"];

export interface Contrast {
  /** From 1 to 21. */
  readonly ratio: number;
  readonly words: string;
}

/** The words that are hardest to read, but for buttons: they look like all of Node-RED's. */
export function faintest(dialog: Dialog): Promise<Contrast> {
  return faintestIn(dialog.element.locator(".m1-form"), "button, a");
}

/** The same of any part of the page, but for what `exempt`, a selector, names. */
export async function faintestIn(part: Locator, exempt: string): Promise<Contrast> {
  // What the mouse is on has colours of its own.
  await part.page().mouse.move(0, 0);
  const written = await part.evaluate((whole, left) => {
    const found = [];
    for (const element of whole.querySelectorAll("*")) {
      const words = [...element.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE);
      const text = words
        .map(({ textContent }) => textContent)
        .join("")
        .trim();
      if (text === "" || element.closest(left) || !element.checkVisibility()) continue;
      const behind = [];
      for (let layer: Element | null = element; layer; layer = layer.parentElement) {
        behind.push(getComputedStyle(layer).backgroundColor);
      }
      found.push({ text, colour: getComputedStyle(element).color, behind });
    }
    return found;
  }, exempt);
  const contrasts = written.map(({ text, colour, behind }) => {
    const background = behind.find((layer) => opacity(layer) === 1) ?? "rgb(255, 255, 255)";
    const [dark = 0, light = 0] = [luminance(colour), luminance(background)].sort((a, b) => a - b);
    return { ratio: (light + 0.05) / (dark + 0.05), words: text };
  });
  return contrasts.reduce((least, next) => (next.ratio < least.ratio ? next : least));
}

/** Of a colour as browsers compute it: `rgb(1, 2, 3)` or `rgba(1, 2, 3, 0.5)`. */
function channels(colour: string): number[] {
  if (!colour.startsWith("rgb")) throw new TypeError(`a colour of another kind: ${colour}`);
  return (colour.match(/[\d.]+/g) ?? []).map(Number);
}

function opacity(colour: string): number {
  return channels(colour)[3] ?? 1;
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = channels(colour).map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
