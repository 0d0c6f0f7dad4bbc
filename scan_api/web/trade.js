// A store's or dealer's page: register, take on people, open a case, see what it brought. Shares the consumer's ways.
const button = (words, onclick, className = "") => h("button", { type: "button", className, textContent: words, onclick });
const quiet = (words) => h("p", { className: "quiet", textContent: words });
const line = (left, right, ...more) => h("li", {}, h("span", { textContent: left }), h("b", { textContent: right }), ...more);
const yuan = (fen) => new Intl.NumberFormat(lang, { style: "currency", currency: "CNY" }).format(fen / 100);

/** A button that does something and draws the page anew; a refusal stands beside it. */
function does(words, work, className) {
  const said = note(), go = button(words, () => busy(go, said, async () => { await work(); await route(); }), className);
  return [go, said];
}
function newcomer() {
  const code = { autocapitalize: "characters", autocomplete: "off", maxLength: 20 };
  const joining = field("store-code", say("storeCode"), code, say("ask"), async (text) => { await ask("POST", "/v1/trade/people", { code: text }); await route(); });
  const number = field("dealer-number", say("dealerNumber"), { inputMode: "numeric", pattern: "[0-9]{1,12}" }, say("next"), async (text) => {
    const found = await ask("GET", `/v1/trade/dealers/${Number(text)}`);
    document.getElementById("registration")?.remove();
    number.after(registration(found));
  });
  return [panel(say("join"), quiet(say("joinWhy")), joining), panel(say("register"), quiet(say("registerWhy")), number)];
}
function registration(dealer) {
  const choice = (id, options) => h("select", { id, className: "wide" }, options.map(([value, words]) => h("option", { value, textContent: words })));
  const labelled = (id, words, made) => [h("label", { htmlFor: id, textContent: words }), made];
  const kind = choice("kind", [["store", say("store")], ["dealer", say("dealer")]]), region = choice("region", dealer.regions.map((one) => [one.code, one[lang]]));
  const code = h("input", { id: "code-of", required: true, minLength: 3, maxLength: 20, pattern: "[A-Za-z0-9\\-]+", autocomplete: "off" }), name = h("input", { id: "name-of", required: true, maxLength: 80 });
  const go = h("button", { className: "wide", textContent: say("apply") }), said = note();
  const form = h("form", { id: "registration" }, h("p", {}, h("b", { textContent: dealer.name })), labelled("kind", say("kind"), kind), labelled("region", say("region"), region), labelled("code-of", say("storeCode"), code), labelled("name-of", say("name"), name), go, said);
  form.onsubmit = (event) => {
    event.preventDefault();
    busy(go, said, async () => { await ask("POST", "/v1/trade/partners", { kind: kind.value, dealer_id: dealer.id, region: Number(region.value), code: code.value.trim(), name: name.value.trim() }); await route(); });
  };
  return form;
}
let last = null; // The opening that was sent and not answered: sent again under its own id.
function opening() {
  const told = h("div", { role: "status" });
  const open = async (text) => {
    if (last?.text !== text) last = { id: uuid7(), text };
    const got = await ask("POST", "/v1/trade/openings", { ...last, device: device() });
    last = null;
    const sum = got.points + got.assistant_points;
    const words = got.state === "refused" ? WORDS[lang].reasons[got.reason] || got.reason : say("opened", { n: sum });
    const more = [got.assistant_points ? say("share", { n: got.assistant_points }) : "", WORDS[lang].unpaid[got.unpaid] || ""].filter(Boolean).join(" · ");
    told.replaceChildren(h("p", { className: got.state === "refused" ? "error" : "gain pop", textContent: words }), more && quiet(more));
    await earned();
  };
  const form = field("label", say("label"), { autocomplete: "off", maxLength: 512 }, say("go"), async (text) => { await open(text); form.querySelector("input").value = ""; });
  const given = decodeURIComponent(location.hash.slice(1));
  if (given) form.querySelector("input").value = given;
  return panel(say("open"), quiet(say("openWhy")), form, "BarcodeDetector" in window ? camera(open) : null, told);
}
/** The phone's own eye, where the browser reads codes: one frame every fifth of a second until one is a label. */
function camera(open) {
  const said = note(), box = h("div"), video = h("video", { muted: true, playsInline: true, className: "wide" });
  let stream = null;
  const stop = () => { stream?.getTracks().forEach((track) => track.stop()); stream = null; box.replaceChildren(start, said); };
  const start = button(say("camera"), () => busy(start, said, async () => {
    const reader = new BarcodeDetector({ formats: ["qr_code", "code_128", "data_matrix"] });
    video.srcObject = stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    await video.play();
    box.replaceChildren(video, button(say("stop"), stop, "plain"), said);
    while (stream) {
      const [found] = await reader.detect(video);
      if (found) { stop(); await open(found.rawValue); break; }
      await new Promise((done) => setTimeout(done, 200));
    }
  }), "plain");
  box.append(start, said);
  return box;
}
async function earned() {
  const found = await ask("GET", "/v1/trade/rewards"), rows = (lines) => lines.map((one) => line(`${one[lang]} · ${when(one.at)}`, `${one.amount > 0 ? "+" : ""}${one.amount}`));
  const sum = (id, words, points) => [h("h2", { textContent: words }), h("p", { className: "sum", id, textContent: String(points) })];
  const mine = found.my_lines.length ? panel("", sum("mine", say("mine"), found.mine), h("ol", {}, rows(found.my_lines))) : "";
  $("earned").replaceChildren(panel("", sum("points", say("points"), found.points), found.lines.length ? h("ol", {}, rows(found.lines)) : quiet(say("empty"))), mine);
}
async function rebated() {
  const found = await ask("GET", "/v1/trade/rebates");
  const parts = (one) => [one.waiting && say("waits", { sum: yuan(one.waiting), day: one.due_at ? day(one.due_at) : "" }), one.withheld && say("held", { sum: yuan(one.withheld) }), one.matured && say("paid", { sum: yuan(one.matured) }), one.withdrawn && say("withdrawn", { sum: yuan(one.withdrawn) })];
  const months = found.months.map((one) => h("li", {}, h("span", { textContent: say("month", { month: one.month, sum: yuan(one.accrued) }) }), quiet(parts(one).filter(Boolean).join(" · "))));
  const waits = found.withheld.map((one) => panel(say("withheld", { place: one.region[lang] }), h("p", { textContent: one.reason }), quiet(say("until", { from: day(one.since), day: day(one.until) }))));
  return [...waits, panel(say("rebates"), h("h2", { textContent: say("matured") }), h("p", { className: "sum", textContent: yuan(found.matured_fen) }), months.length ? h("ol", {}, months) : quiet(say("noRebates")))];
}
function people(seen) {
  const rows = seen.map((one) => {
    const asks = one.state === "asked", path = `/v1/trade/people/${one.id}`, words = [one.phone || "—", one.is_me ? say("me") : "", asks ? say("waiting") : ""].filter(Boolean).join(" · ");
    const acts = one.is_me ? [] : [...(asks ? does(say("accept"), () => ask("PUT", path)) : []), ...does(say("letGo"), () => ask("DELETE", path), "plain")];
    return line(words, say(one.role), ...acts);
  });
  return panel(say("people"), h("ul", {}, rows));
}
async function working(mine) {
  const { partner } = mine, me = mine.people.find((one) => one.is_me), away = () => ask("DELETE", `/v1/trade/people/${me.id}`);
  if (!mine.is_bound || partner.state !== "approved") {
    const words = partner.state === "pending" ? say("pending", { name: partner.name }) : say("asked", { name: partner.name });
    return [panel(partner.name, h("p", { role: "status", textContent: words }), ...does(say("cancel"), away, "plain"))];
  }
  const work = partner.kind === "dealer" ? await rebated() : [opening(), h("div", { id: "earned" })];
  const leave = mine.role === "owner" ? [] : does(say("leave"), away, "plain");
  return [panel(partner.name, quiet(`${partner.code} · ${say(partner.kind)} · ${partner.region[lang]} · ${say(mine.role)}`)), ...work, mine.role === "owner" ? people(mine.people) : "", ...leave];
}
async function route() {
  document.documentElement.lang = lang;
  document.title = $("brand").textContent = say("brand");
  $("language").textContent = say("switch"); $("language").hidden = false;
  const heading = h("h1", { textContent: say("title") });
  try {
    const mine = token() && await ask("GET", "/v1/trade/me");
    const drawn = !token() ? [signIn(say("signIn"), route)] : [...(mine.partner ? await working(mine) : newcomer()), ...does(say("signOut"), async () => { await ask("DELETE", "/v1/sign-in").catch(() => null); store.removeItem("token"); }, "plain")];
    $("view").replaceChildren(heading, ...drawn.filter(Boolean));
    if ($("earned")) await earned();
  } catch (error) {
    $("view").replaceChildren(heading, panel("", h("p", { className: "error", role: "alert", textContent: error.status ? error.message : say("offlineText") }), button(say("next"), route)));
    if (error.status === 401) { store.removeItem("token"); await route(); }
  }
}
$("language").onclick = () => { lang = lang === "zh" ? "en" : "zh"; store.setItem("lang", lang); route(); };
route();
