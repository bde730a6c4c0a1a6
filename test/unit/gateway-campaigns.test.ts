import { expect, it } from "vitest";
import { AppError } from "../../shared/errors.ts";
import { type CampaignInput, DEFAULT_CAMPAIGN } from "../../shared/policy/rules.ts";
import { checked } from "../../workers/gateway/routes/campaigns.ts";

it("conditions that nobody could keep are refused wherever in a campaign they stand, with the field", () => {
  const broken = { $where: "true" };
  const [step] = DEFAULT_CAMPAIGN.steps;
  const faultOf = (over: Partial<CampaignInput>): unknown => {
    try {
      return checked({ ...DEFAULT_CAMPAIGN, ...over });
    } catch (error) {
      return error instanceof AppError ? error.errors?.[0]?.field : error;
    }
  };
  expect(faultOf({ conditions: broken })).toBe("conditions");
  expect(faultOf({ steps: [step!, { ...step!, id: "b", conditions: broken }] })).toBe("steps.1.conditions");
  expect(faultOf({ exit: broken })).toBe("exit");
});
