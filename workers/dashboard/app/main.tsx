import { render } from "preact";
import { resume } from "./api/session.ts";
import { App } from "./app.tsx";
import { followHash } from "./route.ts";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/login.css";
import "./styles/board.css";
import "./styles/cart.css";
import "./styles/timeline.css";
import "./styles/outbox.css";
import { startClock } from "./ui/clock.ts";

followHash();
startClock();
void resume();
render(<App />, document.getElementById("app")!);
