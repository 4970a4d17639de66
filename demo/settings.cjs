// Node-RED's settings for the demo: loopback only, no telemetry, no tour, and a folder of its own.
module.exports = {
  uiHost: "127.0.0.1",
  uiPort: Number(process.env.M1_DEMO_PORT),
  userDir: process.env.M1_DEMO_USER_DIR,
  flowFile: "flows.json",
  // The demo's credentials are printed in the README; encrypting them would hide nothing.
  credentialSecret: false,
  telemetry: { enabled: false, updateNotification: false },
  logging: { console: { level: "error", metrics: false, audit: false } },
  editorTheme: { tours: false, projects: { enabled: false }, palette: { catalogues: [] } },
};
