// The consumer's ten seconds: send the scan once, show the verdict, pay on sign-in. A reload repeats the same scan id.
const $ = (id) => document.getElementById(id);
// A browser that keeps nothing (private windows, strict settings) gets a memory that lasts as long as the page.
const kept = (name) => { try { window[name].setItem("_", "1"); return window[name]; } catch { const m = new Map(); return { getItem: (k) => m.get(k) ?? null, setItem: (k, v) => m.set(k, v), removeItem: (k) => m.delete(k) }; } };
const store = kept("localStorage"), visit = kept("sessionStorage");
const inWeChat = /MicroMessenger/i.test(navigator.userAgent), has = (document.body.dataset.has || "").split(" ");
let lang = store.getItem("lang") || document.documentElement.lang || "zh";
let place = null, noPlace = false;
const remembered = (key, otherwise) => { try { return JSON.parse(visit.getItem(key)) ?? otherwise; } catch { return otherwise; } };
let scanned = remembered("scan", null);
const remember = () => visit.setItem("scan", JSON.stringify(scanned));
const fill = (text, values) => Object.entries(values).reduce((said, [k, v]) => said.replace(`{${k}}`, v), text);
const say = (key, values = {}) => fill(WORDS[lang][key] ?? key, values);
const both = (name) => (name && typeof name === "object" ? name[lang] : name) || "";
const when = (at, form = { dateStyle: "medium", timeStyle: "short" }) => new Intl.DateTimeFormat(lang, form).format(new Date(at));
const day = (at) => when(at, { dateStyle: "medium" });
const hex = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
const token = () => store.getItem("token");

/** An element: properties, then children; `on…` are handlers, `aria…`, `for` and the like attributes. */
function h(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made && name !== "list") made[name] = value; else if (value != null) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((one) => one != null && one !== ""));
  return made;
}
function uuid7() {
  const noise = crypto.getRandomValues(new Uint8Array(10)), time = Date.now().toString(16).padStart(12, "0");
  noise[0] = (noise[0] & 0x0f) | 0x70; noise[2] = (noise[2] & 0x3f) | 0x80;
  const all = time + hex(noise);
  return [all.slice(0, 8), all.slice(8, 12), all.slice(12, 16), all.slice(16, 20), all.slice(20)].join("-");
}
function device() {
  let id = store.getItem("device");
  if (!id) store.setItem("device", (id = hex(crypto.getRandomValues(new Uint8Array(16)))));
  return id;
}
async function ask(method, path, body) {
  const headers = { "Accept-Language": lang }, mine = token();
  if (body) headers["Content-Type"] = "application/json";
  if (mine) headers.Authorization = `Bearer ${mine}`;
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), referrerPolicy: "no-referrer" });
  const said = answer.status === 204 ? null : await answer.json().catch(() => ({}));
  if (!answer.ok) {
    if (answer.status === 401 && mine) { store.removeItem("token"); if (!path.includes("sign-in")) return ask(method, path, body); }
    const type = (said.type || "").split(":").pop(), words = WORDS[lang].problems;
    throw Object.assign(new Error(words[said.said] || words[type] || said.detail || answer.statusText), { status: answer.status, type, challenge: said.challenge });
  }
  return said;
}
/** A puzzle that costs a program more than a person: reopens the door to whoever mistyped often. */
async function prove() {
  show({ verdict: "waiting", title: say("proving") });
  const { token: posed, bits } = await ask("POST", "/v1/challenges", { device: device() });
  const enough = (sum) => { for (let at = 0; at < bits; at++) if (sum[at >> 3] & (0x80 >> (at & 7))) return false; return true; };
  for (let n = 0; ; n++) {
    const sum = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${posed}:${n}`));
    if (enough(new Uint8Array(sum))) return ask("POST", "/v1/challenges/answers", { device: device(), token: posed, answer: String(n) });
  }
}
// Who asks, and whether we know where: with either changed it is another scan of the same code, by the ticket answered.
const asker = () => `${(token() || "").slice(-8)}|${place ? 1 : 0}`;
// Weights, no more: a driven browser says so; one that plays a phone on a computer has the computer's platform.
const noticed = [...(navigator.webdriver ? ["hooked"] : []), ...(/Android|iPhone/.test(navigator.userAgent) && /x86|Win|Mac/.test(navigator.platform) ? ["emulator"] : [])];
async function scan({ proved = false, from = shown } = {}) {
  const one = scanned;
  if (one.answer && one.sent !== asker()) {
    const next = one.answer.next;
    if (next) [one.id, one.ticket] = [next.scan_id, next.ticket]; else if (one.text) one.id = uuid7();
  }
  one.sent = asker();
  remember();
  if (!one.answer) show({ verdict: "waiting", title: say("waiting") });
  const body = { device: device(), claim: !!token(), ...(one.ticket ? { ticket: one.ticket } : { text: one.text }) };
  if (place) body.location = place;
  if (noticed.length) body.hints = noticed;
  try {
    one.answer = await ask("PUT", `/v1/scans/${one.id}`, body);
    one.old = false;
    // Signing in scans once more, to collect: whoever was first a moment ago need not be told that somebody was.
    const { verdict, first_scan: first } = one.answer, mine = remembered("mine", []), at = first && Date.parse(first.at);
    if (verdict === "genuine" && at) visit.setItem("mine", JSON.stringify([...mine, at].slice(-50)));
    one.mine = verdict === "genuine_again" && mine.includes(at);
    remember();
  } catch (error) {
    if (error.challenge && !proved && crypto.subtle) {
      try { await prove(); return scan({ proved: true, from }); } catch (failed) { error = failed; }
    }
    if (!one.answer) return trouble(error);
    one.old = true;
  }
  // A screen somebody went to meanwhile is drawn anew for its figures, but not when he may be writing in it by now.
  if (shown === from || !SCREENS[shown] || !$("view").querySelector("input, textarea")) route();
}
function trouble(error) {
  show({ verdict: "failed", title: say("offline"), text: error.status ? error.message : say("offlineText") });
  $("view").replaceChildren(panel("", h("button", { type: "button", className: "wide", textContent: say("again"), onclick: () => scan() })), typed());
}
function show({ verdict, title, text = "", product = "", first = "" }) {
  $("card").className = `card ${verdict}`;
  $("card").setAttribute("aria-busy", String(verdict === "waiting"));
  $("card").hidden = false;
  $("seal").setAttribute("href", `#seal-${verdict}`);
  document.title = title;
  for (const [id, said] of Object.entries({ title, text, product, first })) if ($(id).textContent !== said) $(id).textContent = said;
}
function verdict() {
  if (!scanned?.answer) return show({ verdict: "welcome", title: say("welcome"), text: say("welcomeText") });
  const { verdict, message, product, first_scan: first } = scanned.answer, mine = scanned.mine;
  const where = first?.place ? say("at", { place: both(first.place) }) : "";
  show({
    verdict: mine ? "genuine" : verdict, title: mine ? say("mine") : message.title, text: scanned.old ? say("old") : mine ? say("mineText") : message.text,
    product: product ? both(product) : "", first: first && !mine && verdict !== "genuine" ? say("first", { when: when(first.at), where }) : "",
  });
}
const panel = (title, ...children) => h("section", { className: "panel" }, title && h("h2", { textContent: title }), ...children);
function reward() {
  const { reward: got, product, scan_id: id } = scanned.answer, line = (words, kind = "") => h("p", { className: kind, textContent: words });
  const said = [];
  if (got.prize) said.push(prize(got.prize, id));
  if (got.state === "credited") said.push(line(say("gain", { n: got.points }), "gain pop"));
  else if (got.state === "held") said.push(line(say("heldGain", { n: got.points }), "gain held"));
  else if (got.reason === "under-the-cap") said.push(line(say("cap")));
  else if (token() && product && !got.prize && got.reason !== "not-claimable") said.push(line(WORDS[lang][got.reason] || say("none")));
  return said.length ? h("section", { className: "panel", id: "reward" }, said) : null;
}
function prize(won, id) {
  const opened = `opened ${id}`;
  const sum = won.amount_fen ? new Intl.NumberFormat(lang, { style: "currency", currency: "CNY" }).format(won.amount_fen / 100) : won.points ? say("gain", { n: won.points }) : "";
  const inside = () => won.state === "lost" ? h("div", { className: "pop" }, h("p", { textContent: WORDS[lang].pay.lost })) : h("div", { className: "pop" }, h("p", { className: "gain", textContent: say("won", { name: [both(won.name), sum].filter(Boolean).join(" ") }) }), h("p", { className: "quiet", textContent: WORDS[lang].pay[won.state] || "" }), won.kind === "red_packet" && won.state === "won" ? h("a", { className: "button wide", href: "#/prizes", textContent: say("collect") }) : "");
  if (visit.getItem(opened)) return inside();
  const box = h("div", { "aria-live": "polite" });
  box.append(h("button", { type: "button", className: "envelope", textContent: say("open"), onclick: () => { visit.setItem(opened, "1"); box.replaceChildren(inside()); } }));
  return box;
}
/** Run `work` with its button off; a refusal is one sentence beside it. */
async function busy(button, note, work) {
  button.disabled = true; note.textContent = ""; note.className = "quiet";
  try { await work(); } catch (error) { note.className = "error"; note.textContent = error.status ? error.message : error.name === "Error" ? error.message : say("offlineText"); }
  button.disabled = false;
}
const note = () => h("p", { className: "quiet", role: "alert" });
function field(id, label, properties, button, submit) {
  const input = h("input", { id, name: id, required: true, ...properties }), go = h("button", { textContent: button }), said = note();
  const form = h("form", {}, h("label", { htmlFor: id, textContent: label }), h("div", { className: "row" }, input, go), said);
  form.onsubmit = (event) => { event.preventDefault(); busy(go, said, () => submit(input.value.trim(), said)); };
  return form;
}
function signIn(title, after) {
  const box = panel(title);
  const entered = async (number, code) => { store.setItem("token", (await ask("POST", "/v1/sign-in", { phone: number, code })).token); await after(); };
  const first = field("phone", say("phone"), { type: "tel", inputMode: "tel", autocomplete: "tel" }, say("send"), async (number, said) => {
    await ask("POST", "/v1/sign-in/codes", { phone: number, device: device() });
    said.textContent = say("sent");
    box.querySelector("#code-form")?.remove();
    const second = field("code", say("code"), { inputMode: "numeric", autocomplete: "one-time-code", pattern: "[0-9]{6}", maxLength: 6 }, say("enter"), (code) => entered(number, code));
    second.id = "code-form"; first.after(second); second.querySelector("input").focus();
  });
  const byWeChat = inWeChat && document.body.dataset.wechat ? h("a", { className: "button wide", href: "/v1/sign-in/wechat?back_to=/", textContent: say("wechat") }) : null;
  box.append(...[byWeChat, first, h("p", { className: "quiet", textContent: say("why") })].filter(Boolean));
  box.id = "signin";
  return box;
}
function typed() {
  const code = { autocapitalize: "characters", autocomplete: "off", spellcheck: false, maxLength: 120 };
  return panel("", field("typed-code", say("typed"), code, say("look"), async (text) => { scanned = { id: uuid7(), text }; await scan(); }), button(say("unreadable"), async () => { scanned = { id: uuid7(), text: " " }; await scan(); if (scanned.answer) location.hash = "#/appeal"; }, "plain"));
}
function locate() {
  // Only where it helps: a pack of ours. A network address says next to nothing, so the phone is asked, and told why.
  if (place || noPlace || !scanned.answer.product || !navigator.geolocation) return noPlace ? h("p", { className: "quiet", textContent: say("noPlace") }) : null;
  const found = ({ coords }) => { place = { lat: coords.latitude, lon: coords.longitude, accuracy_m: coords.accuracy, method: "gps" }; scan(); };
  const button = h("button", { type: "button", className: "plain", textContent: say("locate") });
  button.onclick = () => { button.disabled = true; navigator.geolocation.getCurrentPosition(found, () => { noPlace = true; route(); }, { timeout: 10000, maximumAge: 60000 }); };
  return panel("", h("p", { className: "quiet", textContent: say("locateWhy") }), button);
}
