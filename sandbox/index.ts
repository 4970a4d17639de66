// What the package gives to programs: the sandbox, its workflows, and HTTP to it.
export { DEFAULT_WEB_PORT, openWeb, type Web, type WebOptions } from "./http/web";
export * from "./sandbox";
export { DEMO_WORKFLOWS, rules, type Workflow } from "./workflows";
