// The console in a real browser: what a person sees, and what happens when that person sends.
import { strict as assert } from "node:assert";
import type { Page } from "playwright-core";
import { CHART_WINDOW } from "../../sandbox/http/console/chart-window";
import { openWeb } from "../../sandbox/http/web";
import { DEMO_ACCOUNT } from "../../sandbox/sandbox";
import { connect, EVENT, endClients, inbox, OWN, refusedWith } from "../sandbox/clients";
import { eachWithConsole } from "./browser";
import { Load, memoryOf } from "./load";

const NEIGHBOUR = { ...DEMO_ACCOUNT, userMqtt: "neighbour" };
const MARKUP = '<img src=x onerror="alert(1)">';

describe("console", () => {
  const opened = eachWithConsole({ accounts: [DEMO_ACCOUNT, NEIGHBOUR] });
  afterEach(() => endClients());

  async function publish(device: string, event_data: object, more: object = {}): Promise<void> {
    const client = await connect(opened.sandbox);
    const payload = JSON.stringify({ event_data, ...more });
    await client.publishAsync(`0/${OWN}/${device}`, payload, { qos: 1 });
  }

  const rows = () => opened.page.locator("#activity-rows .row");

  it("shows each event: time, device, tags, user, stream; the latest first", async () => {
    await publish("kitchen", { temperature: 21.5, door: "open" });
    await publish("", { a: 1 }, { stream: "mine" });
    await rows().nth(1).waitFor();
    const [latest, first] = await rows().all();
    assert.match(
      (await latest?.innerText()) ?? "",
      /no device\s+a 1\s+demo-project\/demo-user\s+mine/,
    );
    assert.match(
      (await first?.innerText()) ?? "",
      /^\d\d:\d\d:\d\d\.\d{3}\s+kitchen\s+temperature 21\.5\s*door open\s+demo-project\/demo-user\s+raw$/,
    );
    assert.equal(await text(opened.page, "#total-events"), "2");
  });

  it("tells when an event was observed, if that was a while before", async () => {
    await publish("d", { a: 1 }, { observed_at: "2001-01-01T00:10:10.000000Z" });
    const observed = rows().locator(".observed time");
    assert.equal(await observed.getAttribute("title"), "2001-01-01T00:10:10.000000Z");
  });

  it("shows what passes the filter, of past and new events alike", async () => {
    await publish("kitchen", { temperature: 21.5 });
    await publish("attic", { temperature: 31 });
    await rows().nth(1).waitFor();
    await opened.page.fill("#filter", "kitchen");
    await untilCount(opened.page, "#activity-rows .row", 1);
    await publish("attic", { temperature: 32 });
    await publish("kitchen", { temperature: 22 });
    await rows().nth(1).waitFor();
    assert.match((await rows().first().innerText()) ?? "", /kitchen\s+temperature 22/);
    await opened.page.fill("#filter", "");
    await untilCount(opened.page, "#activity-rows .row", 4);
  });

  it("holds still while it is paused, counts on, and then catches up", async () => {
    await publish("d", { n: 1 });
    await rows().first().waitFor();
    const latest = opened.page.locator('.card[data-tag="n"] .latest');
    await untilText(opened.page, ".card .latest", "1");
    await opened.page.click("#pause");
    await publish("d", { n: 2 });
    await untilText(opened.page, "#activity-note", "Paused; 1 new");
    assert.equal(await text(opened.page, "#total-events"), "2");
    assert.equal(await rows().count(), 1);
    assert.equal(await latest.innerText(), "1");
    await opened.page.click("#pause");
    await untilCount(opened.page, "#activity-rows .row", 2);
    await untilText(opened.page, ".card .latest", "2");
    assert.match(await rows().first().innerText(), /n 2/);
  });

  it("shows and draws what passes a new filter while it is paused, and holds that", async () => {
    const { page } = opened;
    await publish("kitchen", { temperature: 21.5 });
    await publish("attic", { temperature: 31 });
    await rows().nth(1).waitFor();
    await page.click("#pause");
    await page.fill("#filter", "kitchen");
    await untilCount(page, "#activity-rows .row", 1);
    await untilText(page, ".card .latest", "21.5");
    await page.waitForFunction(inkedRows, ".card canvas");
    await publish("kitchen", { temperature: 22 });
    await untilText(page, "#activity-note", "Paused; 1 new");
    assert.equal(await text(page, ".card .latest"), "21.5");
  });

  it("holds what it paused at though the sandbox is away for a moment, and then catches up", async () => {
    const { page } = opened;
    await publish("d", { n: 1 });
    await untilText(page, ".card .latest", "1");
    await page.click("#pause");
    await publish("d", { n: 2 });
    await untilText(page, "#activity-note", "Paused; 1 new");
    const { port } = opened.web;
    await opened.web.close();
    await untilText(page, "#link", "Not reachable; trying again");
    await publish("d", { n: 3 });
    opened.web = await openWeb(opened.sandbox, { port });
    await untilText(page, "#activity-note", "Paused; 2 new");
    assert.equal(await rows().count(), 1);
    assert.equal(await text(page, ".card .latest"), "1");
    assert.ok(await page.evaluate(inkedRows, ".card canvas"));
    await page.click("#pause");
    await untilText(page, ".card .latest", "3");
    assert.deepEqual(await rows().locator(".tags").allInnerTexts(), ["n 3", "n 2", "n 1"]);
  });

  for (const [missed, words] of [
    [3, "Paused; 3 new"],
    [151, "Paused; at least 150 new"],
  ] as const) {
    it(`says of ${missed} events that a pause missed: ${words}`, async () => {
      const { page } = opened;
      await untilText(page, "#link", "Live");
      await page.click("#pause");
      const { port } = opened.web;
      await opened.web.close();
      await untilText(page, "#link", "Not reachable; trying again");
      const client = await connect(opened.sandbox);
      for (let nth = 0; nth < missed; nth += 1) {
        await client.publishAsync(`0/${OWN}/d`, EVENT, { qos: 1 });
      }
      opened.web = await openWeb(opened.sandbox, { port });
      await untilText(page, "#activity-note", words);
    });
  }

  it("draws a paused chart anew when the system turns dark, and without a device that is new", async () => {
    const { page } = opened;
    await publish("kitchen", { n: 1 });
    await page.waitForFunction(inkedRows, ".card canvas");
    await page.click("#pause");
    await publish("attic", { n: 2 });
    await untilText(page, "#activity-note", "Paused; 1 new");
    await page.locator(".card canvas").evaluate((canvas) => canvas.classList.add("light"));
    await page.emulateMedia({ colorScheme: "dark" });
    await page.waitForFunction(inkedRows, ".card canvas:not(.light)");
    assert.deepEqual(await page.locator(".card .legend li").allTextContents(), ["kitchen 1"]);
  });

  it("draws a chart for each tag that carries numbers, with a line for each device", async () => {
    await publish("kitchen", { temperature: 21.5, door: "open" });
    await publish("attic", { temperature: 31, battery: { level: 87 } });
    const cards = opened.page.locator(".card");
    await cards.nth(1).waitFor();
    assert.deepEqual(await cards.locator("h3").allInnerTexts(), ["temperature", "battery.level"]);
    const temperature = opened.page.locator('.card[data-tag="temperature"]');
    await temperature.locator("canvas").waitFor();
    assert.deepEqual(await temperature.locator(".legend li").allTextContents(), [
      "kitchen 21.5",
      "attic 31",
    ]);
    await opened.page.waitForFunction(inkedRows, '.card[data-tag="temperature"] canvas');
  });

  it("says how many tags have no chart, and gives those a chart whose name is filtered by", async () => {
    const { page } = opened;
    await publish("plc", twentyTags());
    await untilText(page, "#charts-note", "and 8 more; filter by their name");
    await untilCount(page, ".card", 12);
    await page.fill("#filter", "tag20");
    await untilCount(page, ".card", 1);
    assert.equal(await text(page, ".card h3"), "tag20");
    assert.equal(await text(page, "#charts-note"), "");
    assert.match(await text(page, "#activity-rows .tags"), /^tag20 20/);
  });

  it("says that nothing matches the filter, after a pause too", async () => {
    const { page, sandbox } = opened;
    const none = "Nothing matches the filter.";
    await publish("kitchen", { temperature: 21.5 });
    await sandbox.sendUpdate("kitchen", "config", 1);
    await page.fill("#filter", "cellar");
    await untilText(page, "#activity-note", none);
    assert.equal(await text(page, "#charts-note"), none);
    assert.equal(await text(page, "#retained-note"), none);
    await page.click("#pause");
    assert.equal(await text(page, "#activity-note"), "Paused");
    await page.click("#pause");
    assert.equal(await text(page, "#activity-note"), none);
  });

  it("draws the only number of each of two devices that send a moment apart", async () => {
    const { page, sandbox } = opened;
    const who = { projectMqtt: "demo-project", userMqtt: "demo-user" };
    const arrival = { who, clientId: "", address: "", qos: 1, dup: false } as const;
    const store = (deviceId: string, temperature: number) =>
      sandbox.store({ eventData: { temperature }, deviceId, raw: EVENT }, arrival);
    store("kitchen", 21.5);
    const before = slotOf(sandbox.events.at(-1)?.receivedAt);
    // In the slot of time after that, a few pixels to the right.
    while (slotOf(new Date().toISOString()) === before) await page.evaluate(nextFrame);
    store("attic", 31);
    await untilCount(page, ".card .legend li", 2);
    await page.waitForFunction(inkedRows, ".card canvas");
  });

  it("moves a line as events come, and shows the latest number", async () => {
    await publish("kitchen", { temperature: 21.5 });
    const latest = '.card[data-tag="temperature"] .latest';
    await untilText(opened.page, latest, "21.5");
    const canvas = opened.page.locator(".card canvas");
    await canvas.waitFor();
    const before = await canvas.evaluate(pictureOf);
    await publish("kitchen", { temperature: 22.5 });
    await untilText(opened.page, latest, "22.5");
    while ((await canvas.evaluate(pictureOf)) === before) await opened.page.evaluate(nextFrame);
  });

  it("labels a chart with the times of its seconds, and with numbers that are not cut", async () => {
    const { page } = opened;
    await page.addInitScript(recordLabels);
    await page.reload();
    await publish("meter", { count: 1_234_567 });
    await page.locator(".card canvas").waitFor();
    const labels = await page.evaluate(() => (window as LabelledWindow).labels ?? []);
    const times = new Set(labels.map(({ text }) => text).filter((text) => text.includes(":")));
    const ages = [...times].map((text) => (timeOfDay(new Date()) - secondsOf(text)) % DAY);
    assert.ok(ages.length > 0);
    // Of the last ten seconds, give or take the time of the test.
    assert.ok(Math.max(...ages) < 60, [...times].join(", "));
    assert.ok(
      labels.some(({ text }) => text.length > 8 && text.includes(",")),
      "no long number",
    );
    for (const { text, left } of labels) assert.ok(left >= 0, `${text} begins at ${left}`);
  });

  it("draws numbers as far apart as numbers can be, and labels large ones without their zeros", async () => {
    const { page } = opened;
    await page.addInitScript(recordLabels);
    await page.reload();
    for (const far of [Number.MAX_VALUE, 0, -Number.MAX_VALUE]) {
      await publish("meter", { far, large: 1e20 + far / 1e290 });
      await untilText(page, ".card .latest", String(far));
    }
    const rows = await page.evaluate(inkedRows, '.card[data-tag="far"] canvas');
    assert.ok(rows > 50, `${rows} rows of pixels`);
    const labels = await page.evaluate(() => (window as LabelledWindow).labels ?? []);
    assert.ok(
      labels.some(({ text }) => text.endsWith("e+20")),
      "no label of a large number",
    );
  });

  it("moves the time of all charts on, of devices that have fallen silent, too", async () => {
    const { page } = opened;
    await page.addInitScript(recordLabels);
    await page.reload();
    await publish("meter", { count: 1 });
    const sent = secondsOf(await text(page, "#activity-rows time"));
    await page.waitForFunction(
      ([sent]) =>
        ((window as LabelledWindow).labels ?? []).some(({ text }) => {
          const [hours = 0, minutes = 0, seconds = 0] = text.split(":").map(Number);
          return (hours * 60 + minutes) * 60 + seconds >= (sent ?? 0) + 2;
        }),
      [sent],
    );
  });

  it("says how many charts are further down, until one scrolls", async () => {
    const { page } = opened;
    await publish("plc", twentyTags());
    await untilText(page, "#chart-below", "8 charts are further down: scroll");
    await page.locator("#chart-list").evaluate((list) => list.scrollTo(0, list.scrollHeight));
    await untilText(page, "#chart-below", "");
  });

  it("says how many refusals, retained messages and rows are further down", async () => {
    const { page, sandbox } = opened;
    for (const wrong of [
      { password: "WRONG/word" },
      { password: "DEMO0KEY/word" },
      { username: "demo-project/nobody" },
      { username: "nowhere/nobody" },
    ]) {
      await refusedWith(sandbox, wrong);
    }
    for (let nth = 0; nth < 8; nth += 1) await sandbox.sendUpdate(`d${nth}`, "config", 1);
    for (let nth = 0; nth < 40; nth += 1) await sandbox.sendDeviceEvent("d", nth);
    for (const [list, what] of [
      ["refusal", "refusals"],
      ["retained", "messages"],
      ["activity", "rows"],
    ] as const) {
      const words = new RegExp(`^\\d+ ${what} are further down: scroll$`);
      await page.locator(`#${list}-below`, { hasText: words }).waitFor();
      await page.locator(`#${list}-list`).evaluate((it) => it.scrollTo(0, it.scrollHeight));
      await untilText(page, `#${list}-below`, "");
    }
  });

  it("names the user of each row, but where there is only one", async () => {
    const { page, sandbox } = opened;
    await publish("kitchen", { temperature: 21.5 });
    await rows().first().waitFor();
    const user = rows().first().locator(".user");
    assert.equal(await user.isVisible(), true);
    sandbox.configure({ accounts: [DEMO_ACCOUNT], rules: [] });
    await user.waitFor({ state: "hidden" });
    assert.equal(await page.locator(".head .user").isVisible(), false);
    sandbox.configure({ accounts: [DEMO_ACCOUNT, NEIGHBOUR], rules: [] });
    await user.waitFor({ state: "visible" });
  });

  it("has two tags on a line, and the time, device and stream at the first of several", async () => {
    const { page } = opened;
    await page.setViewportSize({ width: 1280, height: 800 });
    await publish("kitchen", { average_temperature: 21.5, relative_humidity: 40 });
    await publish("meter", { reading: "1234567890".repeat(12) });
    await rows().nth(1).waitFor();
    const top = async (row: number, place: string) =>
      (await rows().nth(row).locator(place).boundingBox())?.y ?? Number.NaN;
    assert.equal(await top(1, ".tag:nth-child(2)"), await top(1, ".tag:nth-child(1)"));
    for (const place of [".time", ".device", ".stream"]) {
      const lower = (await top(0, place)) - (await top(0, ".tags"));
      assert.ok(Math.abs(lower) < 6, `${place} is ${lower} pixels lower`);
    }
  });

  it("breaks what was sent between its parts, and says beside it that it is retained", async () => {
    const { page, sandbox } = opened;
    await page.setViewportSize({ width: 360, height: 740 });
    const payload = { count: 10, average_temperature: 19.91, lowest_temperature: 3.5 };
    await sandbox.sendUpdate("kitchen", "config", payload);
    await rows().first().waitFor();
    assert.equal(await rows().first().locator("code").innerText(), JSON.stringify(payload));
    assert.deepEqual(await rows().first().locator("code").evaluate(linesOfWords), [1, 1, 1]);
    assert.equal(await rows().first().locator(".retention").innerText(), "retained");
    assert.equal(await rows().first().locator(".stream").innerText(), "update/config");
  });

  it("shows a number of many digits beside the name of its tag", async () => {
    const { page } = opened;
    await page.setViewportSize({ width: 390, height: 844 });
    await publish("meter", { energy: Number.MAX_VALUE });
    await untilText(page, ".card .latest", String(Number.MAX_VALUE));
    const name = await page.locator(".card h3").boundingBox();
    const number = await page.locator(".card .latest").boundingBox();
    const card = await page.locator(".card").boundingBox();
    if (!name || !number || !card) throw new RangeError("no chart");
    const places = JSON.stringify({ name, number, card });
    assert.ok(name.width >= 60 && name.x + name.width <= number.x, places);
    assert.ok(number.x + number.width <= card.x + card.width, places);
    const cut = await page
      .locator(".card .latest")
      .evaluate((it) => it.scrollWidth - it.clientWidth);
    assert.equal(cut, 0);
  });

  it("rounds the numbers of an event, and has all of them for the pointer", async () => {
    await publish("d", { t: 15.000048967246482, motor: { speed: 0.1 + 0.2 }, n: 21.5 });
    const values = rows().locator(".tag b");
    await values.first().waitFor();
    assert.deepEqual(await values.allInnerTexts(), ["15", '{"speed":0.3}', "21.5"]);
    const titles = await values.evaluateAll((all) =>
      all.map((each) => (each as HTMLElement).title),
    );
    assert.deepEqual(titles, ["15.000048967246482", '{"speed":0.30000000000000004}', ""]);
  });

  it("says what was refused and why, with the rule and where it is written", async () => {
    await refusedWith(opened.sandbox, { clientId: "garage", password: "WRONG/word" });
    await refusedWith(opened.sandbox, { clientId: "garage", password: "WRONG/word" });
    const refusal = opened.page.locator("#refusal-list > li");
    await untilText(opened.page, "#refusal-list .times", "× 2");
    const words = await refusal.innerText();
    assert.match(words, /garage · connect \(4\)/);
    assert.match(words, /The API key, .* is not a key of demo-project\/demo-user/);
    assert.match(words, /Rule: A device logs in as <project_mqtt>\/<user_mqtt>/);
    const link = await refusal.locator("a").getAttribute("href");
    assert.match(link ?? "", /^https:\/\/medium1\.zendesk\.com\//);
    assert.equal(await text(opened.page, "#total-refused"), "2");
  });

  it("counts what is refused as often as it was, however fast it comes", async () => {
    const client = await connect(opened.sandbox);
    for (let nth = 0; nth < 300; nth += 1) client.subscribe("1/other/u/#", () => undefined);
    await untilText(opened.page, "#refusal-list .times", "× 300");
    assert.equal(await text(opened.page, "#total-refused"), "300");
  });

  it("tells once what several were refused for, and lists in a fold who and where", async () => {
    const { page, sandbox } = opened;
    for (const clientId of ["garage", "shed", "cellar", "shed"]) {
      await refusedWith(sandbox, { clientId, password: "WRONG/word" });
    }
    const refusal = page.locator("#refusal-list > li");
    await untilText(page, "#refusal-list .times", "× 4");
    assert.equal(await refusal.count(), 1);
    await refusal.getByText("3 places").click();
    const places = async () => {
      const lines = await refusal.locator("details li").allInnerTexts();
      return lines.map((line) => line.replace(/^[\d:.]+ /, ""));
    };
    const [garage, shed, cellar] = ["garage", "shed", "cellar"].map((id) => `${id} · connect (4)`);
    assert.deepEqual(await places(), [`${shed} × 2`, cellar, garage]);
    await refusedWith(sandbox, { clientId: "cellar", password: "WRONG/word" });
    await untilText(page, "#refusal-list .times", "× 5");
    assert.deepEqual(await places(), [`${cellar} × 2`, `${shed} × 2`, garage]);
    assert.equal(await refusal.locator("summary").isVisible(), true);
    assert.equal(await refusal.locator("details li").first().isVisible(), true);
  });

  it("keeps what it lists of a refusal in place for whoever is there by keyboard", async () => {
    const { page, sandbox } = opened;
    for (const clientId of ["garage", "shed"]) {
      await refusedWith(sandbox, { clientId, password: "WRONG/word" });
    }
    await untilText(page, "#refusal-list summary", "2 places");
    await page.focus("#refusal-list summary");
    await page.keyboard.press("Enter");
    await refusedWith(sandbox, { clientId: "cellar", password: "WRONG/word" });
    await untilText(page, "#refusal-list summary", "3 places");
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "3 places");
  });

  for (const [where, link] of [
    ["the events", "#activity-rows .row.event a"],
    ["what was sent", "#activity-rows .row.sent a"],
    ["a chart's legend", ".legend a"],
    ["a retained message", "#retained-list a"],
  ] as const) {
    it(`leads from a device's name in ${where} to its page, and back`, async () => {
      const { page, sandbox, web } = opened;
      await publish("attic & pump", { temperature: 31 });
      await publish("attic", { temperature: 21.5, note: "beside the attic & pump" });
      for (const id of ["attic & pump", "attic"]) await sandbox.sendUpdate(id, "config", 1);
      await untilCount(page, "#retained-list > li", 2);
      await page.locator(link, { hasText: "attic & pump" }).click();
      await untilText(page, "#device-name", "attic & pump");
      await untilCount(page, "#activity-rows .row", 2);
      const address = `${web.url}/?device=${OWN}/attic%20%26%20pump`;
      assert.equal(page.url(), address);
      assert.match(await page.title(), /^attic & pump/);
      const devices = await rows().locator(".device").allInnerTexts();
      assert.deepEqual(devices, ["attic & pump", "attic & pump"]);
      await untilText(page, ".card .latest", "31");
      assert.deepEqual(await page.locator(".legend li").allTextContents(), ["attic & pump 31"]);
      assert.match(await text(page, "#retained-list"), /^1\/.*\/attic & pump\/update\/config/);
      assert.equal(await page.locator("#retained-list > li").count(), 1);
      assert.equal(await text(page, "#send-topic"), `1/${OWN}/attic & pump/event`);
      await publish("attic", { temperature: 22 });
      await publish("attic & pump", { temperature: 32 });
      await untilText(page, ".card .latest", "32");
      assert.equal(await rows().count(), 3);
      await page.goBack();
      await untilCount(page, "#activity-rows .row", 6);
      assert.equal(page.url(), `${web.url}/`);
    });
  }

  it("opens a device's page by its address, filters there, and leads out of it", async () => {
    const { page, web } = opened;
    await publish("pump", { temperature: 31 });
    await publish("pump", { pressure: 2 });
    await publish("fan", { pressure: 3 });
    await page.goto(`${web.url}/?device=demo-project/neighbour/pump`);
    await untilText(page, "#send-topic", "1/demo-project/neighbour/pump/event");
    await untilText(page, "#link", "Live");
    assert.equal(await rows().count(), 0);
    await page.goto(`${web.url}/?device=${OWN}/pump`);
    await untilCount(page, "#activity-rows .row", 2);
    await page.fill("#filter", "pressure");
    await untilCount(page, "#activity-rows .row", 1);
    await page.getByRole("link", { name: "All devices" }).click();
    await untilCount(page, "#activity-rows .row", 3);
    assert.equal(await page.isVisible("#device"), false);
  });

  it("offers no other user's device to send to on the page of one whose user is gone", async () => {
    const { page, web } = opened;
    await page.goto(`${web.url}/?device=demo-project/gone/pump`);
    await untilText(page, "#send-topic", "There is no user to send to");
    assert.equal(await page.isDisabled("button.primary"), true);
  });

  it("shows who is connected and what they subscribe to", async () => {
    const client = await connect(opened.sandbox, { clientId: "pi", clean: false });
    await client.subscribeAsync(`1/${OWN}/#`);
    await opened.page.locator("#client-list code").waitFor();
    const [line] = await opened.page.locator("#client-list li").allInnerTexts();
    assert.equal(line, `pi\n${OWN}, persistent session\n1/${OWN}/#`);
    await client.subscribeAsync(Array.from({ length: 14 }, (_, at) => `1/${OWN}/d${at}/#`));
    await untilText(opened.page, "#client-list li > :last-child", "and 3 more");
    await client.endAsync();
    await untilText(opened.page, "#clients-note", "No client is connected.");
    assert.equal(await text(opened.page, "#total-clients"), "0");
  });

  it("sends a device event by keyboard alone, and says who receives it", async () => {
    const device = await connect(opened.sandbox);
    await device.subscribeAsync(`1/${OWN}/#`);
    const received = inbox(device);
    const { keyboard } = opened.page;
    await publish("kitchen", { temperature: 1 });
    await untilText(opened.page, "#send-topic", `1/${OWN}/kitchen/event`);
    await keyboard.press("s");
    await keyboard.press("Control+A");
    await keyboard.type('{"fan":"off"}');
    await keyboard.press("Control+Enter");
    const [message] = await received.upTo(1);
    assert.deepEqual(message, {
      topic: `1/${OWN}/kitchen/event`,
      payload: '{"fan":"off"}',
      qos: 0,
      retain: false,
    });
    await opened.page.waitForFunction(() =>
      document
        .getElementById("send-result")
        ?.textContent?.includes("1 connected client subscribes"),
    );
    const sent = opened.page.locator("#activity-rows .row.sent");
    assert.match(await sent.innerText(), /kitchen\s+\{"fan":"off"\}/);
  });

  it("writes to the device that was heard of last, on a page that is opened", async () => {
    const { page } = opened;
    await publish("attic", { temperature: 31 });
    await publish("kitchen", { temperature: 21 });
    await page.reload();
    await untilText(page, "#send-topic", `1/${OWN}/kitchen/event`);
    await publish("cellar", { temperature: 14 });
    await rows().nth(2).waitFor();
    assert.equal(await page.inputValue("#send-device"), "kitchen");
  });

  it("shows the topic while a message is written, or what is wrong with it", async () => {
    const { page } = opened;
    await page.check("input[value=update]", { force: true });
    await page.fill("#send-device", "pump");
    assert.equal(await text(page, "#send-topic"), "The update type is missing");
    assert.equal(await page.isDisabled("button.primary"), true);
    await page.fill("#send-type", "config");
    assert.equal(await text(page, "#send-topic"), `1/${OWN}/pump/update/config`);
    await page.fill("#send-device", "a#b");
    assert.match(await text(page, "#send-topic"), /The device ID has "#" as character 2/);
    await page.check("input[value=group]", { force: true });
    await page.fill("#send-group", "pumps");
    await page.selectOption("#send-user", "demo-project/neighbour");
    assert.equal(await text(page, "#send-topic"), "2/demo-project/pumps/config");
    assert.equal(await page.isVisible("#send-device"), false);
  });

  for (const [what, field, name, words] of [
    ["a device ID of 1,100 characters", "device", "d".repeat(1100), /^The device ID has 1100 char/],
    ["an update type of 95 levels", "type", levels(95), /^The update type has 95 levels/],
  ] as const) {
    it(`says that ${what} is too much, and offers no button to send there`, async () => {
      const { page } = opened;
      await page.check("input[value=update]", { force: true });
      await page.fill("#send-device", "pump");
      await page.fill("#send-type", "config");
      await page.fill(`#send-${field}`, name);
      assert.match(await text(page, "#send-topic"), words);
      assert.equal(await page.getAttribute("#send-topic", "data-state"), "wrong");
      assert.equal(await page.isDisabled("button.primary"), true);
      await page.fill(`#send-${field}`, "x");
      assert.equal(await page.isDisabled("button.primary"), false);
    });
  }

  it("sends an update that is retained, lists it, and removes it", async () => {
    const { page } = opened;
    await page.check("input[value=update]", { force: true });
    assert.equal(await page.isChecked("#send-retain"), true);
    await page.fill("#send-device", "pump");
    await page.fill("#send-type", "config");
    await page.fill("#send-payload", '{"interval":2}');
    await page.click("button.primary");
    const retained = page.locator("#retained-list li");
    await retained.waitFor();
    assert.match(await retained.innerText(), /pump\/update\/config\s+\{"interval":2\}/);
    await retained.getByRole("button").click();
    await untilText(page, "#retained-note", "Nothing is retained.");
    assert.deepEqual(opened.sandbox.retained, []);
  });

  it("sends a message to a group", async () => {
    const device = await connect(opened.sandbox);
    await device.subscribeAsync("2/demo-project/#");
    const received = inbox(device);
    const { page } = opened;
    await page.check("input[value=group]", { force: true });
    await page.fill("#send-group", "pumps");
    await page.fill("#send-type", "news");
    await page.fill("#send-payload", '"hello"');
    await page.click("button.primary");
    const [message] = await received.upTo(1);
    assert.deepEqual([message?.topic, message?.payload], ["2/demo-project/pumps/news", '"hello"']);
  });

  it("refuses a payload that is not JSON, and says where and what is wrong", async () => {
    const { page, sandbox } = opened;
    const payload = page.getByRole("textbox", { name: "Payload" });
    await page.fill("#send-device", "pump");
    await payload.fill('{"interval": 2,\n "fan": off}');
    const words = "Not JSON. Line 2, column 9: off stands where there should be a value";
    assert.ok((await text(page, "#payload-problem")).startsWith(words));
    const described = await payload.getAttribute("aria-describedby");
    assert.deepEqual(
      [described, await payload.getAttribute("aria-invalid")],
      ["payload-problem", "true"],
    );
    await page.click("button.primary");
    await untilText(page, "#send-result", "Not sent: the payload is not JSON.");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "send-payload");
    assert.equal(sandbox.totals.sent, 0);
    await payload.fill('{"interval": 2, "fan": "off"}');
    assert.equal(await text(page, "#payload-problem"), "");
    assert.equal(await payload.getAttribute("aria-invalid"), "false");
  });

  it("sends what is not JSON if that is chosen, by keyboard alone", async () => {
    const { page } = opened;
    const device = await connect(opened.sandbox);
    await device.subscribeAsync(`1/${OWN}/#`);
    const received = inbox(device);
    await page.fill("#send-device", "pump");
    await page.focus("#send-payload");
    await page.keyboard.press("Control+A");
    await page.keyboard.type("off");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    assert.equal(await page.isChecked("#send-as-text"), true);
    await page.keyboard.press("Control+Enter");
    const [message] = await received.upTo(1);
    assert.equal(message?.payload, "off");
  });

  it("shows markup as the text it is, wherever it comes from", async () => {
    const { page, sandbox } = opened;
    const level = MARKUP.replace("/", "");
    await publish(level, { [MARKUP]: MARKUP, [`${MARKUP} n`]: 1 }, { stream: MARKUP });
    await connect(sandbox, { clientId: "<b>bold</b>" });
    await refusedWith(sandbox, { username: `demo-project/${level}`, clientId: "<i>x</i>" });
    await sandbox.sendUpdate(level, MARKUP.replaceAll("/", ""), MARKUP);
    for (const place of [
      "#activity-rows .event",
      "#client-list li",
      "#refusal-list li",
      "#retained-list li",
      ".card",
    ]) {
      await page.locator(place).first().waitFor();
    }
    assert.match(await rows().last().innerText(), /<img src=x onerror="alert\(1\)">/);
    assert.match(await text(page, "#retained-list"), /<img src=x/);
    assert.match(await text(page, "#client-list"), /<b>bold<\/b>/);
    assert.match(await text(page, "#refusal-list"), /<i>x<\/i>/);
    assert.match(await text(page, ".card h3"), /^<img src=x/);
    assert.equal(await page.locator("main img, main i, #client-list b").count(), 0);
  });

  it("says when the sandbox is away, and goes on when it is back", async () => {
    await untilText(opened.page, "#link", "Live");
    const { port } = opened.web;
    await opened.web.close();
    await untilText(opened.page, "#link", "Not reachable; trying again");
    await publish("d", { a: 1 });
    opened.web = await openWeb(opened.sandbox, { port });
    await untilText(opened.page, "#link", "Live");
    await rows().first().waitFor();
  });

  it("leaves a connection of the browser to each tab that is looked at, however many are open", async () => {
    const { page, web } = opened;
    for (let tabs = 1; tabs < 8; tabs += 1) {
      const before = page.context().pages().at(-1);
      await before?.evaluate(look, false);
      const tab = await page.context().newPage();
      await tab.goto(web.url);
      await untilText(tab, "#link", "Live");
    }
    await publish("kitchen", { temperature: 21.5 });
    assert.equal(await rows().count(), 0);
    await page.evaluate(look, true);
    await rows().first().waitFor();
    await page.fill("#send-device", "kitchen");
    await page.click("button.primary");
    await rows().nth(1).waitFor();
  });

  it("leaves a filter that was typed as its tab was left until the tab is looked at again", async () => {
    const { page, web } = opened;
    await page.clock.install();
    await page.goto(web.url);
    await untilText(page, "#link", "Live");
    await page.evaluate(countFeeds);
    await page.evaluate(() => {
      (document.getElementById("filter") as HTMLInputElement).value = "kitchen";
      document.getElementById("filter")?.dispatchEvent(new Event("input"));
      Object.defineProperty(document, "hidden", { value: true, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    await page.clock.runFor(1000);
    assert.equal(await page.evaluate(() => (window as CountedWindow).feeds), 0);
    await publish("attic", { n: 1 });
    await publish("kitchen", { n: 2 });
    await page.evaluate(look, true);
    await rows().first().waitFor();
    assert.equal(await rows().count(), 1);
  });

  it("holds still while it is paused, though nobody looks at its tab for a while", async () => {
    const { page } = opened;
    await publish("d", { n: 1 });
    await rows().first().waitFor();
    await page.click("#pause");
    await page.evaluate(look, false);
    await publish("d", { n: 2 });
    await page.evaluate(look, true);
    await untilText(page, "#activity-note", "Paused; 1 new");
    assert.equal(await rows().count(), 1);
  });

  it("says in its own words that what was sent did not reach the sandbox, and keeps it", async () => {
    const { page } = opened;
    await page.fill("#send-device", "pump");
    const { port } = opened.web;
    await opened.web.close();
    await page.click("button.primary");
    await untilText(page, "#send-result", "The sandbox is not reachable");
    assert.equal(await page.inputValue("#send-payload"), '{"fan":"off"}');
    opened.web = await openWeb(opened.sandbox, { port });
  });

  it("tries again when there was no room for another page", async () => {
    const { page, web } = opened;
    await page.goto("about:blank");
    const others = new AbortController();
    for (let open = 0; open < 20; ) {
      const feed = await fetch(`${web.url}/console/feed`, { signal: others.signal });
      if (feed.ok) open += 1;
    }
    await page.goto(web.url);
    await untilText(page, "#link", "Not reachable; trying again");
    others.abort();
    await untilText(page, "#link", "Live");
  });

  it("does not call a field wrong that nobody has filled in yet", async () => {
    const { page } = opened;
    const state = () => page.getAttribute("#send-topic", "data-state");
    await untilText(page, "#send-topic", "The device ID is missing");
    assert.equal(await state(), "missing");
    await page.fill("#send-device", "a/b");
    assert.equal(await state(), "wrong");
  });

  it("removes what is retained by keyboard, and stays in its place while the list changes", async () => {
    const { page, sandbox } = opened;
    const focused = () =>
      page.evaluate(() => document.activeElement?.getAttribute("aria-label")?.split("/").at(-1));
    for (const type of ["a", "b", "c"]) await sandbox.sendUpdate("d", type, 1);
    await untilCount(page, "#retained-list button", 3);
    await page.locator("#retained-list button").nth(1).focus();
    await sandbox.sendUpdate("d", "a", 2);
    await page.waitForFunction(
      () => document.querySelector("#retained-list li:first-child .payload")?.textContent === "2",
    );
    assert.equal(await focused(), "b");
    await page.keyboard.press("Enter");
    await untilCount(page, "#retained-list button", 2);
    assert.equal(await focused(), "c");
    await page.keyboard.press("Enter");
    await untilCount(page, "#retained-list button", 1);
    await page.keyboard.press("Enter");
    await untilText(page, "#retained-note", "Nothing is retained.");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "retained-list");
  });

  it("is led by keys: / filters, p pauses, Escape leaves a field", async () => {
    const { keyboard } = opened.page;
    await keyboard.press("/");
    await keyboard.type("p");
    assert.equal(await opened.page.inputValue("#filter"), "p");
    await keyboard.press("Escape");
    await keyboard.press("p");
    assert.equal(await text(opened.page, "#pause"), "Resume");
  });

  it("names every field and button for those who cannot see them", async () => {
    const fields = opened.page.locator("input, select, textarea, button");
    for (const field of await fields.all()) {
      const name = await field.evaluate((element) => {
        const { labels } = element as HTMLInputElement;
        return (
          labels?.[0]?.textContent || element.getAttribute("aria-label") || element.textContent
        );
      });
      assert.ok(name?.trim(), await field.evaluate((element) => element.outerHTML));
    }
  });

  for (const colorScheme of ["light", "dark"] as const) {
    it(`is written so that it can be read on its ${colorScheme} ground`, async () => {
      const { page, sandbox } = opened;
      await page.emulateMedia({ colorScheme });
      await publish("kitchen", { temperature: 1 }, { observed_at: "2001-01-01T00:10:10.000000Z" });
      await sandbox.sendUpdate("kitchen", "config", 1);
      for (const clientId of ["a", "b"]) {
        await refusedWith(sandbox, { clientId, password: "WRONG/word" });
      }
      await untilText(page, "#refusal-list .times", "× 2");
      await page.fill("#send-payload", "off");
      await page.fill("#send-device", "#");
      await page.locator("#refusal-list summary").click();
      await page.locator(".card canvas").waitFor();
      for (const device of ["", `?device=${OWN}/kitchen`]) {
        if (device !== "") await page.goto(opened.web.url + device);
        await rows().first().waitFor();
        const texts = await page.evaluate(writtenTexts);
        assert.ok(texts.length > 30, `${texts.length} texts`);
        const faint = texts.filter(({ colour, ground }) => contrast(colour, ground) < 4.5);
        assert.deepEqual(faint, []);
      }
    });
  }

  it("shows numbers and events on the first screen of a phone", async () => {
    const { page } = opened;
    await page.setViewportSize({ width: 390, height: 844 });
    await publish("kitchen", twentyTags());
    await publish("attic", { temperature: 31 });
    await assertOnFirstScreen(page);
  });

  for (const width of [320, 360]) {
    it(`needs one column and no scrolling sideways on a phone of ${width} pixels`, async () => {
      await opened.page.setViewportSize({ width, height: 740 });
      await publish("a-device-with-a-rather-long-name-of-its-own", {
        a_tag_with_a_rather_long_name: 1,
        text: "x".repeat(200),
      });
      await connect(opened.sandbox, { clientId: "a-client-with-a-rather-long-id-1" });
      await refusedWith(opened.sandbox, { password: "WRONG/word" });
      await opened.sandbox.sendUpdate(
        "a-device-with-a-rather-long-name",
        "config",
        "x".repeat(200),
      );
      await opened.page.locator("#retained-list li").waitFor();
      const widths = await opened.page.evaluate(() => [
        document.documentElement.scrollWidth,
        innerWidth,
      ]);
      assert.equal(widths[0], widths[1]);
      for (const section of await opened.page.locator("section").all()) {
        const id = await section.getAttribute("id");
        const link = opened.page.locator(`.jump a[href="#${id}"]`);
        assert.ok((await link.boundingBox())?.width, `no way to ${id}`);
      }
      const form = await opened.page.locator("#send").boundingBox();
      const events = await opened.page.locator("#activity").boundingBox();
      assert.equal(form?.x, events?.x);
      await opened.page.locator("#activity-rows .event a").click();
      await opened.page.locator("#device-name").waitFor();
      const isNarrow = () => document.documentElement.scrollWidth === innerWidth;
      assert.ok(await opened.page.evaluate(isNarrow));
    });
  }
});

describe("console in bad weather", () => {
  const opened = eachWithConsole(
    { weather: { latency: 120, drop: 0.3, refuse: 0.1 } },
    { viewport: { width: 1280, height: 800 } },
  );

  it("tells the weather, and has the totals beside its name all the same", async () => {
    const { page } = opened;
    await untilCount(page, "#weather li", 3);
    const name = await page.locator("h1").boundingBox();
    const totals = await page.locator(".totals").boundingBox();
    const lower = (totals?.y ?? Number.NaN) - (name?.y ?? 0);
    assert.ok(Math.abs(lower) < 10, `${lower} pixels lower`);
  });
});

describe("console in bad weather, on a phone", () => {
  const opened = eachWithConsole(
    { weather: { latency: 120, drop: 0.3, refuse: 0.1 } },
    { viewport: { width: 390, height: 844 } },
  );

  it("shows numbers and events on the first screen all the same", async () => {
    const { page, sandbox } = opened;
    const who = { projectMqtt: "demo-project", userMqtt: "demo-user" };
    const arrival = { who, clientId: "", address: "", qos: 1, dup: false } as const;
    sandbox.store({ eventData: { temperature: 21.5 }, deviceId: "attic", raw: EVENT }, arrival);
    await assertOnFirstScreen(page);
  });
});

describe("console of a sandbox whose clock is set back", () => {
  let back = 0;
  const now = () => new Date(Date.now() - back).toISOString().replace("Z", "000Z");
  const opened = eachWithConsole({ now });
  beforeEach(() => {
    back = 0;
  });
  afterEach(() => endClients());

  it("draws a device from its first number on that is not of the past", async () => {
    const { page, sandbox } = opened;
    const client = await connect(sandbox);
    const publish = (device: string, n: number) =>
      client.publishAsync(`0/${OWN}/${device}`, JSON.stringify({ event_data: { n } }), { qos: 1 });
    const legend = page.locator(".card .legend li");
    await publish("pump", 1);
    await untilText(page, ".card .latest", "1");
    back = 60_000;
    await publish("fan", 2);
    await untilCount(page, "#activity-rows .row", 2);
    assert.deepEqual(await legend.allTextContents(), ["pump 1"]);
    back = 0;
    await publish("fan", 3);
    await untilCount(page, ".card .legend li", 2);
    await untilText(page, ".card .legend li:last-child b", "3");
    assert.deepEqual(await legend.allTextContents(), ["pump 1", "fan 3"]);
  });
});

describe("console of tags that fell silent", () => {
  let back = 0;
  const now = () => new Date(Date.now() - back * 1000).toISOString().replace("Z", "000Z");
  const opened = eachWithConsole({ now }, { viewport: { width: 1280, height: 800 } });

  /** So many seconds ago. */
  function store(ago: number, ...tags: string[]): void {
    back = ago;
    const who = { projectMqtt: "demo-project", userMqtt: "demo-user" };
    const arrival = { who, clientId: "", address: "", qos: 1, dup: false } as const;
    const eventData = Object.fromEntries(tags.map((tag) => [tag, 20 + Math.sin(ago)]));
    opened.sandbox.store({ eventData, deviceId: "pump", raw: EVENT }, arrival);
    back = 0;
  }

  const dead = Array.from({ length: 7 }, (_, at) => `dead${at}`);
  const live = () => opened.page.locator("#chart-list h3").allTextContents();

  it("shows those with numbers first, and folds the others away under one line", async () => {
    const { page } = opened;
    for (const ago of [400, 399, 398]) store(ago, ...dead);
    store(0, "temperature");
    await untilText(page, "#quiet-note", "7 tags without recent numbers");
    assert.deepEqual(await live(), ["temperature"]);
    assert.equal(await page.isVisible("#quiet-list"), false);
    await page.click("#quiet-note");
    const card = '#quiet-list .card[data-tag="dead0"]';
    await page.waitForFunction(inkedRows, `${card} canvas`);
    assert.match(await text(page, `${card} .note`), /^The last number came at \d\d:\d\d:\d\d\.$/);
  });

  it("brings one that is heard of again back, last, and moves nothing under the pointer", async () => {
    const { page } = opened;
    store(400, "dead0", "dead1");
    store(0, "temperature", "humidity");
    await untilText(page, "#quiet-note", "2 tags without recent numbers");
    await page.locator("#chart-list canvas").nth(1).waitFor();
    await page.hover("#activity-title");
    const top = async () => (await page.locator("#activity-title").boundingBox())?.y ?? 0;
    const before = await top();
    // The page scrolls by whole pixels.
    const moved = async () => Math.abs((await top()) - before);
    store(0, "dead1");
    await untilText(page, "#quiet-note", "1 tag without recent numbers");
    assert.deepEqual(await live(), ["temperature", "humidity", "dead1"]);
    assert.ok((await moved()) < 1, `moved by ${await moved()}`);
    await page.evaluate(nextFrame);
    assert.ok((await moved()) < 1, `moved by ${await moved()} a frame later`);
  });

  it("folds none away while the pointer is on the charts", async () => {
    const { page } = opened;
    store(CHART_WINDOW - 2, "late");
    store(0, "temperature");
    await untilCount(page, "#chart-list .card", 2);
    await page.hover('.card[data-tag="temperature"]');
    await page.waitForFunction(inkedRows, '.card[data-tag="late"] canvas');
    await page.locator('.card[data-tag="late"] .note', { hasText: "The last number" }).waitFor();
    assert.deepEqual(await live(), ["late", "temperature"]);
    await page.hover("#activity-title");
    await untilText(page, "#quiet-note", "1 tag without recent numbers");
    assert.deepEqual(await live(), ["temperature"]);
  });

  it("has a chart for each that lives, though twelve others came first", async () => {
    const { page } = opened;
    const tags = Array.from({ length: 12 }, (_, at) => `dead${at}`);
    store(400, ...tags);
    await untilText(page, "#quiet-note", "12 tags without recent numbers");
    store(0, "temperature", "humidity");
    await untilText(page, "#quiet-note", "10 tags without recent numbers");
    assert.deepEqual(await live(), ["temperature", "humidity"]);
    assert.equal(await text(page, "#charts-note"), "and 2 more; filter by their name");
    await page.reload();
    await untilText(page, "#quiet-note", "10 tags without recent numbers");
    assert.deepEqual(await live(), ["temperature", "humidity"]);
  });

  it("draws a number between long pauses as a dot, and no line where there were none", async () => {
    const { page } = opened;
    for (let ago = 120; ago > 100; ago -= 1) store(ago, "temperature");
    store(60, "temperature");
    for (let ago = 20; ago > 0; ago -= 1) store(ago, "temperature");
    await untilCount(page, ".card", 1);
    await page.waitForFunction(inkedRows, ".card canvas");
    const marks = await page.locator(".card canvas").evaluate(marksOf);
    assert.equal(marks.length, 3, JSON.stringify(marks));
    const [, dot] = marks;
    assert.ok(dot && dot[1] - dot[0] <= 8, JSON.stringify(marks));
  });
});

describe("console at 5,000 events a second", () => {
  /** By the sandbox's clock, which runs so many times faster than ours. */
  const FASTER = 40;
  const began = Date.now();
  const now = () => new Date(began + (Date.now() - began) * FASTER);
  const opened = eachWithConsole({ now: () => now().toISOString().replace("Z", "000Z") });

  it("counts all of them, and the page does not grow beyond what its charts show", async () => {
    const { page, sandbox } = opened;
    const load = new Load(sandbox, 5000);
    // Until the charts are full, and as long again.
    await load.run((1.5 * CHART_WINDOW) / FASTER);
    const before = await memoryOf(page);
    await load.run((1.5 * CHART_WINDOW) / FASTER);
    await untilText(page, "#total-events", load.stored.toLocaleString("en"));
    const after = await memoryOf(page);
    assert.equal(await page.locator("#activity-rows .row").count(), 150);
    assert.ok(after.megabytes - before.megabytes < 2, JSON.stringify({ before, after }));
    assert.ok(after.nodes < 20_000, JSON.stringify({ before, after }));
    assert.match(await text(page, "#activity-note"), /Too fast to show all: 20 of [\d,]+/);
  });
});

/** A chart and an event, above the links at the foot of a phone's screen. */
async function assertOnFirstScreen(page: Page): Promise<void> {
  const free = (await page.locator(".jump").boundingBox())?.y ?? 0;
  for (const place of [".card canvas", ".card .legend", "#activity-rows .row"]) {
    const box = await page.locator(place).first().boundingBox();
    assert.ok(box && box.y + box.height < free, `${place}: ${JSON.stringify({ box, free })}`);
  }
}

/** The fifth of a second that a time is in. */
function slotOf(time = ""): number {
  return Math.floor(Date.parse(time) / 200);
}

function levels(count: number): string {
  return Array.from({ length: count }, () => "x").join("/");
}

function twentyTags(): Record<string, number> {
  return Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`tag${at + 1}`, at + 1]));
}

function text(page: Page, selector: string): Promise<string> {
  return page.locator(selector).first().innerText();
}

async function untilText(page: Page, selector: string, words: string): Promise<void> {
  await page.waitForFunction(
    ([selector = "", words]) => document.querySelector(selector)?.textContent === words,
    [selector, words],
  );
}

async function untilCount(page: Page, selector: string, count: number): Promise<void> {
  await page.waitForFunction(
    ([selector, count]) => document.querySelectorAll(String(selector)).length === count,
    [selector, count],
  );
}

/** A window that keeps what is written on its canvases. */
type LabelledWindow = Window & { labels?: { readonly text: string; readonly left: number }[] };

/** Runs in the page, before its own scripts. */
function recordLabels(): void {
  const labels: { text: string; left: number }[] = [];
  (window as LabelledWindow).labels = labels;
  const { fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...width) {
    const share = { right: 1, center: 0.5 }[String(this.textAlign)] ?? 0;
    const left = this.getTransform().e + x - share * this.measureText(text).width;
    labels.push({ text, left });
    fillText.call(this, text, x, y, ...width);
  };
}

const DAY = 24 * 60 * 60;

/** Seconds since midnight, a day later so that no difference is negative. */
function timeOfDay(date: Date): number {
  return DAY + secondsOf(`${date.getHours()}:${date.getMinutes()}:${date.getSeconds()}`);
}

/** Of `14:03:07`. */
function secondsOf(time: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = time.split(":").map(Number);
  return (hours * 60 + minutes) * 60 + seconds;
}

/** On how many lines each part of a text is that a comma ends. Runs in the page. */
function linesOfWords(element: Element): number[] {
  const texts = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
  return texts.map((text) => {
    const range = document.createRange();
    range.selectNodeContents(text);
    return range.getClientRects().length;
  });
}

/** A window that counts the feeds that its page opens. */
type CountedWindow = Window & { feeds?: number };

/** Runs in the page. */
function countFeeds(): void {
  const counted: CountedWindow = window;
  counted.feeds = 0;
  window.EventSource = class extends EventSource {
    constructor(url: string | URL) {
      super(url);
      counted.feeds = (counted.feeds ?? 0) + 1;
    }
  };
}

/** Leaves a tab, or comes back to it, as far as its page can tell. Runs in the page. */
function look(visible: boolean): void {
  Object.defineProperty(document, "hidden", { value: !visible, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}

function pictureOf(canvas: Element): string {
  return (canvas as HTMLCanvasElement).toDataURL();
}

function nextFrame(): Promise<number> {
  return new Promise(requestAnimationFrame);
}

/** How many rows of a canvas's pixels hold something other than the grid's greys. Runs in the page. */
function inkedRows(selector: string): number {
  const canvas = document.querySelector<HTMLCanvasElement>(selector);
  const pixels = canvas?.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data;
  if (!canvas || !pixels) return 0;
  const rows = new Set<number>();
  for (let index = 0; index < pixels.length; index += 4) {
    const [red = 0, green = 0, blue = 0, alpha = 0] = pixels.subarray(index, index + 4);
    const isInk = alpha > 200 && Math.max(red, green, blue) - Math.min(red, green, blue) > 60;
    if (isInk) rows.add(Math.floor(index / 4 / canvas.width));
  }
  return rows.size;
}

/** From where to where, in pixels, there is something but the grid's greys. Runs in the page. */
function marksOf(element: Element): [from: number, to: number][] {
  const canvas = element as HTMLCanvasElement;
  const { width, height } = canvas;
  const pixels = canvas.getContext("2d")?.getImageData(0, 0, width, height).data ?? [];
  const marks: [number, number][] = [];
  for (let x = 0; x < width; x += 1) {
    let isInked = false;
    for (let y = 0; y < height; y += 1) {
      const at = 4 * (y * width + x);
      const [red = 0, green = 0, blue = 0] = pixels.slice(at, at + 3);
      if (
        (pixels[at + 3] ?? 0) > 200 &&
        Math.max(red, green, blue) - Math.min(red, green, blue) > 60
      )
        isInked = true;
    }
    const last = marks.at(-1);
    if (isInked && last && last[1] === x - 1) last[1] = x;
    else if (isInked) marks.push([x, x]);
  }
  return marks;
}

/** Each text that is not disabled, with its colour and that of its ground. Runs in the page. */
function writtenTexts(): { colour: string; ground: string; html: string }[] {
  return [...document.body.querySelectorAll<HTMLElement>("*:not(:disabled)")]
    .filter((element) => element.checkVisibility())
    .filter(({ childNodes }) =>
      [...childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim()),
    )
    .map((element) => {
      let ground: Element | null = element;
      while (ground && getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") {
        ground = ground.parentElement;
      }
      return {
        colour: getComputedStyle(element).color,
        ground: getComputedStyle(ground ?? document.body).backgroundColor,
        html: element.outerHTML.slice(0, 120),
      };
    });
}

/** Of two colours, `rgb(…)`, as WCAG 2 has it: 1 to 21. */
function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [one, other].map(luminance).sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map((channel) => {
    const share = Number(channel) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
