// When events go again after a broker has refused one for now, and when it counts as taking them again.
import { strict as assert } from "node:assert";
import { mock } from "node:test";
import { SendingPause } from "../../nodes/connection/sending-pause";

/** A pause, and what it has told: it waits for 1,000 ms and is over after 5,000 more. */
function scene(resumed: () => void = () => undefined) {
  const pause = new SendingPause();
  const told: string[] = [];
  const wait = () => {
    const resume = () => {
      told.push(pause.isActive ? "resume, still active" : "resume");
      resumed();
    };
    pause.wait(1_000, resume, 5_000, () => told.push("over"));
  };
  return { pause, told, wait };
}

const tick = (milliseconds: number) => mock.timers.tick(milliseconds);

describe("the pause in sending", () => {
  beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
  afterEach(() => mock.timers.reset());

  it("begins with a refusal, and lasts for as long as something is unanswered", () => {
    const { pause } = scene();
    assert.equal(pause.isActive, false);
    pause.begin();
    tick(1_000_000);
    assert.equal(pause.isActive, true);
  });

  it("lets events go again so long after all is answered, and not sooner", () => {
    const { pause, told, wait } = scene();
    pause.begin();
    wait();
    tick(999);
    assert.deepEqual([pause.isActive, ...told], [true]);
    tick(1);
    assert.deepEqual([pause.isActive, ...told], [false, "resume"]);
  });

  it("is over for the user once the broker has refused nothing for a while, and only once", () => {
    const { pause, told, wait } = scene();
    pause.begin();
    wait();
    tick(1_000);
    tick(4_999);
    assert.deepEqual(told, ["resume"]);
    tick(1);
    assert.deepEqual(told, ["resume", "over"]);
    tick(1_000_000);
    assert.deepEqual(told, ["resume", "over"]);
  });

  it("is not over if the broker refuses again in that while: that counts from the last refusal", () => {
    const { pause, told, wait } = scene();
    pause.begin();
    wait();
    tick(1_000);
    tick(4_999);
    pause.begin();
    tick(1_000_000);
    assert.deepEqual([pause.isActive, ...told], [true, "resume"]);
    wait();
    tick(1_000);
    tick(4_999);
    assert.deepEqual(told, ["resume", "resume"]);
    tick(1);
    assert.deepEqual(told, ["resume", "resume", "over"]);
  });

  it("is not over if the first event that goes again is refused at once", () => {
    const { pause, told, wait } = scene(() => pause.begin());
    pause.begin();
    wait();
    tick(1_000);
    tick(1_000_000);
    assert.deepEqual([pause.isActive, ...told], [true, "resume"]);
  });

  it("ends with the connection, and nothing is sent or told on its behalf any more", () => {
    const { pause, told, wait } = scene();
    pause.begin();
    wait();
    pause.end();
    assert.equal(pause.isActive, false);
    tick(1_000_000);
    assert.deepEqual(told, []);
  });

  it("tells nothing of a broker whose connection has ended after the pause", () => {
    const { pause, told, wait } = scene();
    pause.begin();
    wait();
    tick(1_000);
    pause.end();
    tick(1_000_000);
    assert.deepEqual(told, ["resume"]);
  });
});
