// The sandbox's file as a JSON Schema, which editors complete and check it by.
import * as z from "zod/mini";
import { fileSchema } from "./config-schema";

/** In the draft that editors know best. */
export function configJsonSchema(): object {
  return { title: "m1-sandbox", ...z.toJSONSchema(fileSchema, { io: "input", target: "draft-7" }) };
}
