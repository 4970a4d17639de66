// The two functions of Temporal that reading a time needs; the build bundles them into this file.
export { fromString, toString } from "temporal-polyfill/fns/Instant";
