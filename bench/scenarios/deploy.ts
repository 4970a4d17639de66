// Deploys: a thousand receiving nodes at once, and one more, until the last of them receives.
import { now, type Reading } from "../children/meter";
import { ENVELOPE, type Flow, inFlow, type Maker, updateTopic } from "../flows";
import { MeasuredNodeRed } from "../node-red";
import type { Candidate, Scenario, Target } from "../scenario";

const FEW = 10;
const MANY = 1_000;

const MANY_NODES = "1,000 nodes";
const ONE_MORE_THAN_FEW = "one more at 10";
const ONE_MORE_THAN_MANY = "one more at 1,000";

type Deploy = (flow: Flow) => Promise<void>;

function deployer(maker: Maker): Candidate {
  return {
    name: maker,
    async start(lab) {
      const { producer, broker } = lab;
      const topic = (nodes: number) => updateTopic(maker, nodes - 1);
      const topics = [FEW, FEW + 1, MANY, MANY + 1].map(topic);
      await producer.ask("publish", { count: 4, topics, payload: ENVELOPE, retain: true });
      const nodeRed = await MeasuredNodeRed.start(lab);

      /** From the request to the retained message of the last node. */
      async function timed(deploy: Deploy, nodes: number): Promise<number> {
        await nodeRed.ask("expect", { count: 1, topic: topic(nodes) });
        const from = now();
        await deploy(inFlow(maker, maker, broker.port, nodes));
        const answered = now();
        const { to } = await nodeRed.ask<Reading>("complete");
        return Math.max(answered, to) - from;
      }

      const full: Deploy = (flow) => nodeRed.deploy(flow);
      const changes: Deploy = (flow) => nodeRed.deployChanges(flow);
      return {
        async round() {
          await timed(full, FEW);
          const figures = {
            [ONE_MORE_THAN_FEW]: await timed(changes, FEW + 1),
            [MANY_NODES]: await timed(full, MANY),
            [ONE_MORE_THAN_MANY]: await timed(changes, MANY + 1),
          };
          return { figures };
        },
      };
    },
  };
}

function noSlowerThanCore(figure: string): Target {
  return { of: { candidate: "ours", figure }, over: { candidate: "core", figure }, atMost: 1 };
}

export const deploy: Scenario = {
  id: "deploy",
  title: "deploy, until the last node receives",
  figures: { [ONE_MORE_THAN_FEW]: "ms", [MANY_NODES]: "ms", [ONE_MORE_THAN_MANY]: "ms" },
  candidates: [deployer("ours"), deployer("core")],
  targets: [MANY_NODES, ONE_MORE_THAN_FEW, ONE_MORE_THAN_MANY].map(noSlowerThanCore),
};
