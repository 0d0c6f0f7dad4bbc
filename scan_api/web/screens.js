// The short screens of the one page, by the address's hash. Each is drawn from what the server says and nothing else.
const tile = (href, title, sub = "") => h("a", { href }, title, sub && h("small", { textContent: sub }));
const line = (what, sum = "", more = null) => h("li", {}, h("span", { textContent: what }), h("b", { textContent: sum }), more);
const quiet = (words) => h("p", { className: "quiet", textContent: words });
const button = (words, onclick, kind = "") => h("button", { type: "button", className: kind, textContent: words, onclick });
/** What the server says, or null where it has no such thing (yet). */
const maybe = (path) => ask("GET", path).catch((error) => { if (error.status === 404) return null; throw error; });
const offers = (what) => has.includes(what);
const REFUSED = ["claimed", "suspicious", "void", "not_active", "expired", "unknown"];
const told = () => ["genuine", "genuine_again", "claimed"].includes(scanned?.answer?.verdict);
const refused = () => REFUSED.includes(scanned?.answer?.verdict) || scanned?.answer?.reward.state === "held";

function home() {
  verdict();
  if (!scanned?.answer) return [token() ? null : signIn(say("signInMore"), route), typed(), quiet(say("foot"))];
  const tiles = [refused() && tile("#/appeal", say("appeal"), say("appealSub")), told() && tile("#/story", say("story"), say("storySub")), token() && checkIn()].filter(Boolean);
  const free = !token() && scanned.answer.reward.state === "sign_in";
  return [reward(), free ? signIn(say("signIn"), () => scan()) : null, token() ? balance() : null, tiles.length ? h("div", { className: "tiles" }, tiles) : null, locate(), typed(), quiet(say("foot"))];
}
/** The sum on the first screen: the verdict stands without it, so it comes when it comes. */
function balance() {
  const box = h("section", { className: "panel", id: "balance", hidden: true });
  ask("GET", "/v1/me/wallet").then((found) => { box.append(h("h2", { textContent: say("wallet") }), sum(found)); box.hidden = false; }).catch(() => {});
  return box;
}
const sum = ({ available, pending }) => h("p", {}, h("strong", { className: "sum", id: "available", textContent: available }), ` ${say("points")} `, h("span", { className: "quiet", textContent: pending ? say("pending", { n: pending }) : "" }));
function checkIn() {
  if (!offers("check-in")) return null;
  const made = h("button", { type: "button" }, say("checkIn"), h("small", { role: "status" }));
  made.onclick = async () => {
    made.disabled = true;
    try {
      const { points, streak, already } = await ask("POST", "/v1/me/check-in");
      made.querySelector("small").textContent = already ? say("checkedBefore", { d: streak }) : say("checkedIn", { n: points, d: streak });
    } catch (error) { if (error.status === 404) made.remove(); else { made.disabled = false; made.querySelector("small").textContent = error.status ? error.message : say("offlineText"); } }
  };
  return made;
}
async function wallet() {
  const found = await ask("GET", "/v1/me/wallet");
  const tier = offers("tier") ? await maybe("/v1/me/tier") : null;
  const moved = found.history.map((one) => line(`${both(one.what)} · ${day(one.at)}`, (one.amount > 0 ? "+" : "") + one.amount));
  return [panel("", sum(found)), tier && level(tier), panel(say("history"), moved.length ? h("ol", {}, moved) : quiet(say("empty")))];
}
function level({ tier, qualifying, next }) {
  const more = next ? [h("meter", { className: "bar", min: 0, max: next.at, value: qualifying, "aria-label": say("tier") }), quiet(say("next", { n: Math.max(0, next.at - qualifying), name: both(next.name) }))] : [quiet(say("top"))];
  return panel(`${say("tier")} · ${both(tier)}`, more);
}
const spent = {};  // A redemption's id is chosen once, so a retry on a bad network redeems once.
async function rewards() {
  if (!offers("rewards")) return [panel("", quiet(say("noRewards")))];
  const [offered, mine] = [await maybe(`/v1/rewards?lang=${lang}`), await maybe("/v1/me/redemptions")];
  const price = (one) => [one.points && `${one.points} ${say("points")}`, one.cash_fen && new Intl.NumberFormat(lang, { style: "currency", currency: "CNY" }).format(one.cash_fen / 100), one.delivery_fen && say("delivery", { sum: new Intl.NumberFormat(lang, { style: "currency", currency: "CNY" }).format(one.delivery_fen / 100) })].filter(Boolean).join(" + ");
  const card = (one) => {
    const said = note(), left = one.left == null ? "" : say("left", { n: one.left });
    const go = button(say("redeem"), () => {
      if (go.dataset.sure !== "1") { go.dataset.sure = "1"; go.textContent = say("sure"); return; }
      busy(go, said, async () => {
        const id = (spent[one.id] ||= uuid7()), got = await ask("POST", "/v1/me/redemptions", { reward_id: one.id, id });
        delete spent[one.id];
        go.remove();
        said.textContent = got.state === "refused" ? WORDS[lang].whyNot[got.reason] || got.reason : say("done");
        if (got.coupon_code) said.after(h("p", { className: "code", textContent: got.coupon_code }));
      });
    });
    return panel(both(one.name), h("p", {}, h("b", { textContent: price(one) }), " ", h("span", { className: "quiet", textContent: left })), one.why_not ? quiet(WORDS[lang].whyNot[one.why_not] || one.why_not) : go, said);
  };
  const list = (mine || []).map((one) => line([both(one.name), one.at && day(one.at)].filter(Boolean).join(" · ") || say("redeemed"), one.coupon_code || WORDS[lang].ways[one.state] || one.state));
  return [...(offered?.length ? offered.map(card) : [panel("", quiet(say("noRewards")))]), list.length ? panel(say("redeemed"), h("ul", {}, list)) : null];
}
async function me() {
  const tiles = [tile("#/scans", say("scans")), tile("#/prizes", say("prizes")), checkIn(), offers("referral") && tile("#/referral", say("referral")), tile("#/privacy", say("privacy")), tile("#/sessions", say("sessions"))].filter(Boolean);
  return [h("div", { className: "tiles" }, tiles), button(say("signOut"), async () => { await ask("DELETE", "/v1/sign-in").catch(() => null); store.removeItem("token"); location.hash = ""; route(); }, "plain wide")];
}
/** WeChat asks the member to confirm a payout (商家转账): `package` is what it was made with. */
function confirmPay(pack) {
  const bridge = window.WeixinJSBridge;
  return new Promise((done) => bridge.invoke("requestMerchantTransfer", { package: pack }, done));
}
async function prizes() {
  const found = await ask("GET", "/v1/me/prizes");
  const sum = (one) => one.kind === "red_packet" ? new Intl.NumberFormat(lang, { style: "currency", currency: "CNY" }).format(one.amount / 100) : one.kind === "points" ? say("gain", { n: one.amount }) : one.coupon_code || "";
  const rows = found.map((one) => {
    const said = note(), wants = one.kind === "red_packet" && ["waiting", "failed"].includes(one.state);
    const go = wants ? button(say("collect"), () => busy(go, said, async () => { await ask("POST", `/v1/me/prizes/${one.win_id}/collect`); await route(); })) : null;
    const confirm = one.package ? (window.WeixinJSBridge ? button(say("confirmPay"), () => busy(confirm, said, async () => { await confirmPay(one.package); await route(); })) : quiet(say("inWeChat"))) : null;
    return line(`${both(one.name)} · ${day(one.drawn_at)}`, sum(one), h("div", {}, h("small", { className: "quiet", textContent: WORDS[lang].pay[one.state] || "" }), go || "", confirm || "", said));
  });
  return [panel("", rows.length ? h("ol", {}, rows) : quiet(say("noPrizes")))];
}
async function scans() {
  const found = await ask("GET", "/v1/me/scans");
  const state = (one) => WORDS[lang].state[one.appeal || one.state] || "";
  const rows = found.map((one) => line(`${both(one.product) || WORDS[lang].verdicts[one.verdict]} · ${when(one.at)}`, one.points ? `+${one.points}` : "", h("div", {}, h("small", { className: "quiet", textContent: [one.product ? WORDS[lang].verdicts[one.verdict] : "", state(one)].filter(Boolean).join(" · ") }), one.product ? because(one.scan_id) : "")));
  return [panel("", rows.length ? h("ol", {}, rows) : quiet(say("noScans")))];
}
/** On demand: which campaigns a scan was asked about, which paid, and why the others did not. */
function because(id) {
  const said = note(), box = h("div", { "aria-live": "polite" }), go = button(say("because"), () => busy(go, said, async () => {
    const found = await maybe(`/v1/me/scans/${id}/receipt`);
    box.replaceChildren(found?.asked.length ? h("ul", {}, found.asked.map((one) => line(`${both(one.campaign)} · ${both(one.says)}`, one.points ? `+${one.points}` : ""))) : quiet(say("noCampaign")));
  }), "plain");
  box.append(go, said);
  return box;
}
async function story() {
  const told = scanned?.answer && await maybe(`/v1/scans/${scanned.answer.scan_id}/story?device=${device()}`);
  if (!told?.steps.length) return [panel("", quiet(say("noStory")))];
  const step = ({ what, on, where, who }) => h("li", {}, h("b", { textContent: say(what, { place: both(where) || say("market") }) }), quiet(day(on)), who && quiet(say("by", { name: both(who) })));
  const facts = [told.brand, told.lot && say("lot", { lot: told.lot }), told.best_before && say("best", { day: day(told.best_before) })].filter(Boolean);
  return [panel(both(told.product), quiet(facts.join(" · ")), h("ol", { className: "steps" }, told.steps.map(step)), quiet(say("storyWhy")))];
}
async function appeal() {
  const id = scanned?.answer?.scan_id;
  if (!id) return [panel("", quiet(say("noScans")))];
  if (!token()) return [signIn(say("signInMore"), () => scan())];
  const mine = (await ask("GET", "/v1/me/scans")).find((one) => one.scan_id === id);
  if (mine?.appeal) return [answered(await ask("GET", `/v1/appeals/${id}`))];
  return [refused() ? camera(id) : panel("", quiet(say("noStory")))];
}
function answered({ state, due_at: due, points }) {
  const words = { open: say("appealOpen", { day: day(due) }), accepted: say("appealAccepted", { n: points }), declined: say("appealDeclined") };
  return h("section", { className: "panel", role: "status" }, h("h2", { textContent: WORDS[lang].state[state] }), h("p", { textContent: words[state] }));
}
/** Two taps: a photo of the pack, one of the receipt; sent by themselves once both are there. */
function camera(id) {
  const taken = {}, said = note(), box = panel(say("appealTitle"));
  const shot = (name) => {
    const input = h("input", { type: "file", accept: "image/*", capture: "environment" }), label = h("label", { className: "shot" }, h("span", { textContent: say(name) }), input);
    input.onchange = () => busy(input, said, async () => {
      if (!input.files[0]) return;
      const drawn = await smaller(input.files[0]);
      taken[name] = drawn.base64;
      label.querySelector("canvas")?.remove(); label.prepend(drawn.canvas);
      if (!taken.photo || !taken.receipt) return;
      said.textContent = say("sending");
      box.replaceWith(answered(await ask("PUT", `/v1/appeals/${id}`, { device: device(), ...taken })));
    });
    return label;
  };
  box.append(h("p", { textContent: say("appealText") }), h("div", { className: "shots" }, shot("photo"), shot("receipt")), said, quiet(say("appealWhy")));
  return box;
}
/** At most 1600 pixels a side: a receipt stays readable, and a basement's network gets it up. */
async function smaller(file) {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => { throw new Error(say("noPicture")); });
  const scale = Math.min(1, 1600 / Math.max(picture.width, picture.height)), canvas = h("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale)); canvas.height = Math.max(1, Math.round(picture.height * scale));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  const base64 = canvas.toDataURL("image/jpeg", 0.82).split(",")[1];
  if (base64.length > 2796202) throw new Error(say("tooBig"));
  return { canvas, base64 };
}
async function referral() {
  const found = await maybe("/v1/me/referral");
  if (!found) return [panel("", quiet(say("noStory")))];
  const copied = note(), copy = button(say("copy"), () => navigator.clipboard?.writeText(found.code).then(() => { copied.textContent = say("copied"); }), "plain");
  const theirs = field("their-code", say("theirCode"), { autocapitalize: "characters", autocomplete: "off", maxLength: 32 }, say("use"), async (code, said) => { await ask("POST", "/v1/me/referral", { code }); said.textContent = say("thanks"); });
  return [panel(say("myCode"), h("p", { className: "code", textContent: found.code }), navigator.clipboard ? copy : null, copied, quiet(say("invited", { n: found.invited, p: found.points }))), panel("", theirs)];
}
async function privacy() {
  const agreed = await ask("GET", "/v1/me/consents"), said = note();
  const choice = (one) => {
    const box = h("input", { type: "checkbox", checked: one.granted });
    box.onchange = () => busy(box, said, async () => { box.checked = (await ask("PUT", `/v1/me/consents/${one.channel}`, { granted: box.checked })).granted; said.textContent = say("saved"); }).catch(() => {});
    return h("label", { className: "switch" }, box, h("span", { textContent: one.wording }));
  };
  const born = panel(say("born"), quiet(say("bornWhy")), field("born", say("born"), { inputMode: "numeric", pattern: "[0-9]{4}", maxLength: 4, autocomplete: "bday-year" }, say("save"), async (year, told) => {
    const { guardian_needed: needed } = await ask("PUT", "/v1/me/birth-year", { born_in: Number(year) });
    told.textContent = say("saved");
    if (needed) born.replaceWith(guardian());
  }));
  return [panel(say("consents"), agreed.map(choice), said), await birthday(), born, copyOfMe(), erasure()];
}
async function birthday() {
  const told = await ask("GET", "/v1/me/birthday"), two = (n) => String(n).padStart(2, "0");
  const lunar = h("input", { type: "checkbox", checked: !!told?.lunar });
  const form = field("birthday", say("birthday"), { placeholder: "MM-DD", pattern: "[0-9]{1,2}-[0-9]{1,2}", maxLength: 5, autocomplete: "off", value: told ? `${two(told.month)}-${two(told.day)}` : "" }, say("save"), async (text, said) => {
    const [month, on] = text.split("-").map(Number);
    await ask("PUT", "/v1/me/birthday", { month, day: on, lunar: lunar.checked });
    said.textContent = say("saved");
  });
  form.append(h("label", { className: "switch" }, lunar, h("span", { textContent: say("lunar") })));
  return panel(say("birthday"), quiet(say("birthdayWhy")), form);
}
function guardian() {
  const said = note(), wording = say("guardian");
  const agree = button(say("agree"), () => busy(agree, said, async () => { await ask("PUT", "/v1/me/guardian", { agrees: true, wording }); agree.remove(); said.textContent = say("saved"); }));
  return panel(say("guardianNeeded"), h("p", { textContent: wording }), agree, said);
}
function copyOfMe() {
  // Shown, not saved: WeChat's browser downloads nothing.
  const said = note(), box = panel("", button(say("export"), (event) => busy(event.target, said, async () => {
    const all = JSON.stringify(await ask("GET", "/v1/me/export"), null, 1);
    box.querySelector("textarea")?.remove();
    box.append(h("textarea", { readOnly: true, value: all, "aria-label": say("export") }));
  }), "plain wide"), said);
  return box;
}
function erasure() {
  const said = note(), go = button(say("erase"), () => {
    if (go.dataset.sure !== "1") { go.dataset.sure = "1"; go.textContent = say("eraseSure"); return; }
    busy(go, said, async () => { await ask("DELETE", "/v1/me"); store.removeItem("token"); visit.removeItem("scan"); scanned = null; $("view").replaceChildren(panel("", h("p", { role: "status", textContent: say("erased") }))); });
  }, "danger wide");
  return panel("", quiet(say("eraseWhy")), go, said);
}
async function sessions() {
  const found = await ask("GET", "/v1/me/sessions"), said = note();
  const end = (path) => (event) => busy(event.target, said, async () => { await ask("DELETE", path); route(); });
  const rows = found.map((one) => line(`${one.browser || say("browser")} · ${day(one.created_at)}`, one.here ? say("here") : "", one.here ? null : button(say("end"), end(`/v1/me/sessions/${one.session_id}`), "plain")));
  return [panel("", h("ul", {}, rows), found.length > 1 ? button(say("endOthers"), end("/v1/me/sessions"), "plain wide") : null, said)];
}

const SCREENS = { wallet, rewards, me, scans, prizes, story, appeal, referral, privacy, sessions }, OPEN = ["story", "appeal"];
const TITLES = { wallet: "wallet", rewards: "rewards", me: "me", scans: "scans", prizes: "prizes", story: "story", appeal: "appeal", referral: "referral", privacy: "privacy", sessions: "sessions" };
let turn = 0, shown = "";
async function route() {
  const name = location.hash.replace(/^#\/?/, ""), screen = SCREENS[name], mine = ++turn, moved = shown !== name;
  shown = name;
  dress(screen ? name : "");
  if (!screen) { $("view").replaceChildren(...home().filter(Boolean)); if (moved) $("title").focus({ preventScroll: true }); return; }
  $("card").hidden = true;
  const heading = h("h1", { tabIndex: -1, textContent: say(TITLES[name]) });
  document.title = heading.textContent;
  if (moved) { $("view").replaceChildren(heading, quiet(say("loading"))); heading.focus({ preventScroll: true }); scrollTo(0, 0); }
  let drawn;
  try { drawn = !token() && !OPEN.includes(name) ? [signIn(say("signInMore"), () => route())] : await screen(); } catch (error) {
    drawn = error.status === 401 ? [signIn(say("signInMore"), () => route())] : [panel("", h("p", { className: "error", role: "alert", textContent: error.status ? error.message : say("offlineText") }), button(say("again"), () => route()))];
  }
  if (mine !== turn) return;
  const kept = moved ? heading : $("view").querySelector("h1") || heading; // The reader's place; its words may be in another language now.
  kept.textContent = heading.textContent;
  $("view").replaceChildren(kept, ...drawn.filter(Boolean));
}
function dress(name) {
  document.documentElement.lang = lang;
  $("brand").textContent = say("brand");
  $("language").textContent = say("switch"); $("language").lang = lang === "zh" ? "en" : "zh";
  $("language").hidden = $("nav").hidden = false; // Without scripts they could do nothing, so the page comes without.
  $("nav").setAttribute("aria-label", say("skip"));
  const tabs = [["", "check"], ["wallet", "wallet"], ...(offers("rewards") ? [["rewards", "rewards"]] : []), ["me", "me"]];
  $("nav").replaceChildren(...tabs.map(([to, words]) => h("a", { href: `#/${to}`, textContent: say(words), "aria-current": to === name ? "page" : null })));
}
async function begin() {
  const { scan: id, ticket } = document.body.dataset, came = new URLSearchParams(location.hash.slice(1));
  if (ticket) {
    scanned = { id, ticket };
    remember();
    history.replaceState(null, "", "/"); // A copied link must not carry the code; a reload knows the scan by its ticket.
  } else if (came.has("state")) {
    history.replaceState(null, "", "/");
    if (came.get("wechat")) await ask("POST", "/v1/sign-in/wechat", { code: came.get("wechat"), state: came.get("state") }).then((said) => store.setItem("token", said.token)).catch(() => null);
  }
  dress("");
  if (scanned) await scan(); else route();
}
$("language").onclick = () => { lang = lang === "zh" ? "en" : "zh"; store.setItem("lang", lang); if (SCREENS[shown] || !scanned?.answer) route(); if (scanned?.answer) scan({ from: null }); };
addEventListener("hashchange", () => route());
begin();
