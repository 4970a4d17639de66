// What the package gives to programs: the sandbox, its workflows, and HTTP to it.

export { DEMO_WORKFLOWS, rules, type Workflow } from "./cloud/workflows";
export { DEFAULT_WEB_PORT, openWeb, type Web, type WebOptions } from "./http/web";
export * from "./sandbox";
