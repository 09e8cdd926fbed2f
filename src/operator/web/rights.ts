/** Who may ask what. */
import type { Viewer } from "../api/access.ts";
import type { Right } from "../api/routes.ts";

/** Whether a viewer has a right; null is somebody who has not logged in. */
export function mayAsk(right: Right, viewer: Viewer | null): boolean {
  const isOperator = viewer?.role === "operator";
  const seesAll = viewer?.owner === null;
  switch (right) {
    case "anyone":
      return true;
    case "viewer":
      return viewer !== null;
    case "operator":
      return isOperator;
    case "gateway":
      return seesAll;
    case "keeper":
      return isOperator && seesAll;
  }
}
