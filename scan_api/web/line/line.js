"use strict";
// The operator's page: one open stream of states, drawn whole each time; buttons send and wait for the next state.
const WORDS = {
  zh: {
    idle: "待机", running: "生产中", stopping: "正在停", stopped: "已停线", finished: "完成", offline: "页面断线",
    offlineDo: "生产不受影响，正在重连。", passed: "合格", rejected: "剔除", cases: "装箱", pace: "每分钟", left: "剩余码", leftMinutes: "剩余码 · 约 {n} 分钟",
    start: "开始", again: "继续", stop: "停线", bin: "剔除箱", report: "班次报告", shift: "换班", grade: "打印等级", lastHour: "最近一小时",
    choose: "选择任务", noJobs: "没有任务。请办公室先下任务。", codes: "{n} 个码", close: "关闭", countBin: "剔除箱里有几件？", expected: "应为 {n} 件",
    ok: "确定", clear: "清除", binMatch: "数目一致", binDiffers: "数目不一致：应为 {n}，实数 {m}。请在剔除器后面找。", shiftSure: "换班？数字从零开始，本班报告可先打印。", yes: "换班", switch: "English", soundOn: "声音：开", soundOff: "声音：关",
    nothing: "暂无", since: "{t} 起", also: "另外：{what}", practice: "练习线：产品、码和标签都不是真的", trouble: "出个状况", fixed: "已处理好",
    troubles: { "paper-out": "标签用完", "ribbon-out": "碳带用完", "head-open": "打印头打开", "printer-silent": "打印机无应答", "camera-away": "相机断开", "platform-away": "平台断网", smudged: "连续六个标签读不出", copied: "同一个码出现两次" },
  },
  en: {
    idle: "Ready", running: "Running", stopping: "Stopping", stopped: "Stopped", finished: "Finished", offline: "Page offline",
    offlineDo: "The line works on; connecting again.", passed: "Passed", rejected: "Rejected", cases: "Cases", pace: "A minute", left: "Codes left", leftMinutes: "Codes left · {n} min",
    start: "Start", again: "Go on", stop: "Stop", bin: "Reject bin", report: "Report", shift: "Next shift", grade: "Print grade", lastHour: "last hour",
    choose: "Choose a job", noJobs: "There is no job. Ask the office for one.", codes: "{n} codes", close: "Close", countBin: "How many are in the reject bin?", expected: "{n} are expected",
    ok: "OK", clear: "Clear", binMatch: "The count is right", binDiffers: "The count differs: {n} expected, {m} counted. Search behind the gate.", shiftSure: "Begin the next shift? The figures start at nothing.", yes: "Next shift", switch: "中文", soundOn: "Sound on", soundOff: "Sound off",
    nothing: "none yet", since: "since {t}", also: "Also: {what}", practice: "Practice: no product, code or label is real", trouble: "Make trouble", fixed: "It is fixed",
    troubles: { "paper-out": "Labels out", "ribbon-out": "Ribbon out", "head-open": "Print head open", "printer-silent": "Printer does not answer", "camera-away": "Camera away", "platform-away": "Platform away", smudged: "Six labels nobody can read", copied: "The same code twice" },
  },
};
const SHAPES = {
  play: "M20 10 L88 50 L20 90 Z", square: "M14 14 H86 V86 H14 Z", circle: "M50 12 A38 38 0 1 0 50.1 12 Z", pause: "M20 12 H42 V88 H20 Z M58 12 H80 V88 H58 Z",
  tick: "M12 54 L38 80 L90 22 L78 12 L38 58 L24 44 Z", bin: "M18 26 H82 L74 92 H26 Z M12 14 H88 V22 H12 Z", sheet: "M22 8 H66 L82 24 V92 H22 Z", swap: "M10 34 H66 V18 L92 42 L66 66 V50 H10 Z",
};
const SIGNS = { grave: "M33 6 H67 L94 33 V67 L67 94 H33 L6 67 V33 Z M50 26 V56 M50 72 V74", mild: "M50 10 L94 88 H6 Z M50 38 V62 M50 74 V76" };
const STATE_SHAPE = { idle: "circle", running: "play", stopping: "pause", stopped: "square", finished: "tick", offline: "square" };
const $ = (id) => document.getElementById(id);
const kept = (() => { try { localStorage.setItem("_", "1"); return localStorage; } catch { const m = new Map(); return { getItem: (k) => m.get(k) ?? null, setItem: (k, v) => m.set(k, v) }; } })();
let lang = kept.getItem("line-lang") || (navigator.language.startsWith("zh") ? "zh" : "en"), sound = kept.getItem("line-sound") !== "off";
let shown = null, online = false, heardRejects = null, alarmed = "", audio = null, alarmTimer = 0;
const say = (key, values = {}) => Object.entries(values).reduce((text, [name, value]) => text.replace(`{${name}}`, value), WORDS[lang][key]);
const number = (n) => (n == null ? "–" : n.toLocaleString(lang === "zh" ? "zh-CN" : "en"));
const SVG = "http://www.w3.org/2000/svg";

function h(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  Object.assign(made, properties);
  made.append(...children.flat().filter((one) => one != null));
  return made;
}
function svg(viewBox, ...paths) {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("viewBox", viewBox);
  made.setAttribute("aria-hidden", "true");
  for (const attributes of paths) {
    const path = document.createElementNS(SVG, attributes.points ? "polyline" : attributes.x1 != null ? "line" : "path");
    for (const [name, value] of Object.entries(attributes)) path.setAttribute(name, value);
    made.append(path);
  }
  return made;
}
const icon = (name) => svg("0 0 100 100", { d: SHAPES[name], "fill-rule": "evenodd" });
const button = (words, shape, onclick, kind = "") => h("button", { type: "button", className: kind, onclick }, icon(shape), words);
const time = (at) => new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit" }).format(new Date(at));

// Sound: a short low one for a reject, two high ones again and again for what must be looked at.
function tone(hz, seconds, delay = 0) {
  if (!sound || !audio || audio.state !== "running") return;
  const source = audio.createOscillator(), volume = audio.createGain(), at = audio.currentTime + delay;
  source.frequency.value = hz;
  volume.gain.setValueAtTime(0.0001, at);
  volume.gain.exponentialRampToValueAtTime(0.5, at + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.0001, at + seconds);
  source.connect(volume).connect(audio.destination);
  source.start(at);
  source.stop(at + seconds);
}
const ring = () => { tone(880, 0.25); tone(1175, 0.3, 0.3); };
addEventListener("pointerdown", () => { audio ||= new AudioContext(); audio.resume(); }, { capture: true });

async function send(path, body) {
  const answer = await fetch(path, { method: "POST", headers: body ? { "Content-Type": "application/json" } : {}, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail || answer.statusText);
}
function ask(title, ...children) {
  const box = $("dialog");
  box.replaceChildren(h("h2", { textContent: title }), ...children.flat());
  if (!box.open) box.showModal();
  return box;
}
const close = () => $("dialog").close();
const closing = () => h("button", { type: "button", textContent: say("close"), onclick: close });
const failed = (error) => h("p", { className: "error", role: "alert", textContent: error.message });

async function choose() {
  ask(say("choose"));
  try {
    const jobs = await (await fetch("/jobs")).json();
    const rows = jobs.map((job) => h("button", { type: "button", onclick: () => start(job.id) }, `#${job.id} ${job[lang] || ""}`, h("small", { textContent: job.left == null ? "" : say("codes", { n: number(job.left) }) })));
    ask(say("choose"), rows.length ? h("div", { className: "choices" }, rows) : h("p", { textContent: say("noJobs") }), h("p"), closing());
  } catch (error) { ask(say("choose"), failed(error), closing()); }
}
async function start(id) {
  try { await send(`/jobs/${id}/start`); close(); } catch (error) { ask(say("choose"), failed(error), closing()); }
}
async function stop() {
  try { await send("/stop"); } catch (error) { ask(say("stop"), failed(error), closing()); }
}
function countBin() {
  let typed = "";
  const count = h("div", { className: "count", role: "status" }), expected = shown.unchecked;
  const press = (digit) => { typed = (typed + digit).replace(/^0+(?=.)/, "").slice(0, 6); count.textContent = typed; };
  const keys = [..."123456789"].map((digit) => h("button", { type: "button", textContent: digit, onclick: () => press(digit) }));
  const enter = async () => {
    if (!typed) return;
    const counted = Number(typed);
    try {
      await send("/bin", { counted });
      const right = counted === expected;
      ask(say("bin"), h("p", { className: right ? "" : "error", role: "alert", textContent: right ? say("binMatch") : say("binDiffers", { n: expected, m: counted }) }), closing());
    } catch (error) { ask(say("bin"), failed(error), closing()); }
  };
  ask(say("countBin"), h("p", { textContent: say("expected", { n: number(expected) }) }), count,
    h("div", { className: "pad" }, keys, h("button", { type: "button", textContent: say("clear"), onclick: () => { typed = ""; count.textContent = ""; } }), h("button", { type: "button", textContent: "0", onclick: () => press("0") }), h("button", { type: "button", className: "go", textContent: say("ok"), onclick: enter })),
    h("p"), closing());
}
function nextShift() {
  const go = async () => { try { await send("/shift"); close(); } catch (error) { ask(say("shift"), failed(error), closing()); } };
  ask(say("shift"), h("p", { textContent: say("shiftSure") }), h("div", { className: "choices" }, button(say("yes"), "swap", go, "go"), closing()));
}

function makeTrouble() {
  const happen = async (trouble) => { try { await send(`/practice/happen/${trouble}`); close(); } catch (error) { ask(say("trouble"), failed(error), closing()); } };
  const rows = Object.entries(WORDS[lang].troubles).map(([trouble, words]) => h("button", { type: "button", onclick: () => happen(trouble) }, words));
  ask(say("trouble"), h("div", { className: "choices pairs" }, rows), h("p"), closing());
}
async function mend() {
  try { await send("/practice/mend"); } catch (error) { ask(say("fixed"), failed(error), closing()); }
}
function drawPractice() {
  $("practice").hidden = !shown.practice;
  if (!shown.practice) return;
  const fixed = shown.practice.length ? button(say("fixed"), "tick", mend, "go") : null;
  $("practice").replaceChildren(h("strong", { textContent: say("practice") }), ...[fixed, button(say("trouble"), "swap", makeTrouble)].filter(Boolean));
}

function draw() {
  document.documentElement.lang = lang;
  $("language").textContent = say("switch");
  $("sound").textContent = say(sound ? "soundOn" : "soundOff");
  if (!shown) return;
  const state = online ? shown.state : "offline", alarm = online ? shown.alarms[0] : { grave: false, kind: "offline", [lang]: { what: say("offline"), do: say("offlineDo") } };
  $("station").textContent = shown.station;
  $("job").textContent = shown.job ? `#${shown.job.id} ${shown.job[lang] || ""}` : "";
  document.title = `${shown.station} · ${say(state)}`;
  $("state").className = `state ${state}`;
  $("state").replaceChildren(icon(STATE_SHAPE[state]), say(state));
  drawPractice();
  drawAlarm(alarm);
  const figure = (value, label, kind = "") => h("div", { className: `figure ${kind}` }, h("b", { textContent: value }), h("span", { textContent: label }));
  const low = shown.alarms.some((one) => one.kind === "codes-low" || one.kind === "no-block");
  const left = shown.left_minutes == null ? say("left") : say("leftMinutes", { n: number(shown.left_minutes) });
  $("figures").replaceChildren(figure(number(shown.passed), say("passed"), "main"), figure(number(shown.per_minute), say("pace")), figure(number(shown.rejected), say("rejected")), shown.left == null ? figure(number(shown.cases), say("cases")) : figure(number(shown.left), left, low ? "low" : ""));
  drawTrend();
  const runs = shown.state === "running" || shown.state === "stopping";
  const first = runs ? button(say("stop"), "square", stop, "halt") : shown.state === "stopped" && shown.job ? button(say("again"), "play", () => start(shown.job.id), "go") : button(say("start"), "play", choose, "go");
  first.disabled = shown.state === "stopping";
  const other = shown.state === "stopped" ? button(say("choose"), "circle", choose) : null;
  const sheet = button(say("report"), "sheet", () => open(`/report.pdf?lang=${lang}`));
  const shift = runs ? null : button(say("shift"), "swap", nextShift);
  $("buttons").replaceChildren(...[first, other, button(say("bin"), "bin", countBin), sheet, shift].filter(Boolean));
}
function drawAlarm(alarm) {
  $("alarm").hidden = !alarm;
  document.body.classList.toggle("small", !!alarm);
  const key = alarm && alarm.grave ? `${alarm.kind} ${alarm.why} ${alarm.since}` : "";
  if (key !== alarmed) {
    alarmed = key;
    clearInterval(alarmTimer);
    if (key) { ring(); alarmTimer = setInterval(ring, 4000); }
  }
  if (!alarm) return;
  const kind = alarm.grave ? "grave" : "mild", others = online ? shown.alarms.slice(1).map((one) => one[lang].what) : [];
  $("alarm").className = `alarm ${kind}`;
  $("sign").setAttribute("d", SIGNS[kind]);
  $("what").textContent = alarm[lang].what;
  $("do").textContent = alarm[lang].do;
  $("more").textContent = [alarm.since && say("since", { t: time(alarm.since) }), others.length && say("also", { what: others.join(" · ") })].filter(Boolean).join("   ");
}
function drawTrend() {
  const points = shown.trend;
  if (points.length < 2) { $("trend").replaceChildren(); return; }
  const at = (grade, nth) => `${(nth / (points.length - 1)) * 600},${52 - grade * 12}`;
  const chart = svg("0 0 600 56", { x1: 0, x2: 600, y1: 28, y2: 28, class: "limit", "vector-effect": "non-scaling-stroke" }, { points: points.map(at).join(" "), "vector-effect": "non-scaling-stroke" });
  chart.setAttribute("preserveAspectRatio", "none");
  const now = points.at(-1), letter = "FDCBA"[Math.max(0, Math.min(4, Math.round(now)))];
  $("trend").replaceChildren(h("b", { textContent: `${letter} ${now.toFixed(1)}` }), h("span", { textContent: `${say("grade")} · ${say("lastHour")}` }), chart);
}

function listen() {
  const stream = new EventSource("/events");
  stream.onmessage = (event) => {
    shown = JSON.parse(event.data);
    online = true;
    if (heardRejects !== null && shown.rejected > heardRejects) tone(330, 0.18);
    heardRejects = shown.rejected;
    draw();
  };
  stream.onerror = () => { online = false; draw(); };
}
$("language").onclick = () => { lang = lang === "zh" ? "en" : "zh"; kept.setItem("line-lang", lang); draw(); };
$("sound").onclick = () => { sound = !sound; kept.setItem("line-sound", sound ? "on" : "off"); draw(); if (sound) tone(660, 0.2); };
draw();
listen();
