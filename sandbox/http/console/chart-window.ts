// How far back the console's charts go: what the page draws, and what its feed begins with.

/** Seconds before the latest number of a chart. */
export const CHART_WINDOW = 300;
