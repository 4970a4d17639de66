// The one function of Temporal that reading a time needs; the build bundles it into this file.
export { fromString } from "temporal-polyfill/fns/Instant";
