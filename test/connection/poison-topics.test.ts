// What several connections have shown of a topic holds for later events there, and for nothing else.
import { strict as assert } from "node:assert";
import { PoisonTopics } from "../../nodes/connection/poison-topics";

describe("a poison topic", () => {
  it("is one on which an event failed, while events on others are taken", () => {
    const topics = new PoisonTopics();
    topics.accepted("good");
    topics.failed("bad", "TOPIC_HANGS_UP");
    assert.deepEqual(
      ["good", "bad", "other"].map((topic) => topics.faultOf(topic) !== undefined),
      [false, true, false],
    );
  });

  it("is known as such once another event is taken, not before: the broker may take nothing at all", () => {
    const topics = new PoisonTopics();
    topics.failed("bad", "TOPIC_HANGS_UP");
    assert.equal(topics.faultOf("bad"), undefined);
    topics.accepted("good");
    assert.equal(topics.faultOf("bad"), "TOPIC_HANGS_UP");
  });

  it("is none on which an event was taken before: then it was that event", () => {
    const topics = new PoisonTopics();
    topics.accepted("good");
    topics.accepted("other");
    topics.failed("good", "TOPIC_HANGS_UP");
    assert.equal(topics.faultOf("good"), undefined);
  });

  it("is none any more once an event is taken on it", () => {
    const topics = new PoisonTopics();
    topics.accepted("other");
    topics.failed("late", "TOPIC_HANGS_UP");
    topics.accepted("late");
    assert.equal(topics.faultOf("late"), undefined);
  });
});
