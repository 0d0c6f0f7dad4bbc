"use strict";
// What the page of stores and dealers says. One key, two languages.
const WORDS = {
  zh: {
    brand: "门店与经销商", switch: "English", title: "门店与经销商", signIn: "用手机号登录", phone: "手机号", send: "获取验证码", sent: "验证码已发送，5 分钟内有效。", code: "短信验证码", enter: "登录",
    why: "手机号只用于您的账户，加密保存。", offlineText: "网络或服务暂时不可用，请稍后再试。", signOut: "退出登录",
    join: "加入门店", joinWhy: "向店主要门店编码；店主确认后生效。", storeCode: "门店编码", ask: "申请加入", asked: "已向 {name} 申请，等店主确认。", leave: "离开", cancel: "撤回申请",
    register: "登记门店或经销商", registerWhy: "向经销商或品牌业务员要经销商编号。", dealerNumber: "经销商编号", next: "下一步", kind: "类别", store: "门店", dealer: "经销商", region: "地区", name: "名称", apply: "提交登记",
    pending: "{name} 的登记正在审核。", open: "开箱", openWhy: "开箱前扫箱码：奖励发给本店，这一箱之后每卖一瓶也算本店的。", label: "箱码（18 位数字，或扫码枪扫入）", go: "开箱", camera: "用相机扫", stop: "停止",
    opened: "已开箱，+{n} 积分", share: "其中导购 {n}", reasons: {
      "unknown-case": "查不到这个箱码，请核对后再试。", "not-a-case": "这不是可以开的箱：请扫最新的箱标签。", "not-shipped": "这一箱还没有发货记录，请联系经销商。", "other-dealer": "这一箱是发给其他经销商的，不能在本店开，已记录。",
      "already-opened": "这一箱已经开过。", "other-store": "这一箱已配送给其他门店。" },
    unpaid: { capped: "今天的积分已到上限", "budget-exhausted": "本期奖励已发完", "no-terms": "目前没有开箱奖励" },
    points: "门店积分", mine: "我的分成", history: "明细", mineHistory: "我的明细", empty: "还没有记录。", people: "人员", owner: "店主", assistant: "导购", waiting: "申请加入", accept: "同意", letGo: "移除", me: "我",
    rebates: "返利", matured: "已到账", month: "{month}：累计 {sum}", waits: "待到账 {sum}，{day}", held: "暂扣 {sum}", paid: "已到账 {sum}", withdrawn: "已撤回 {sum}", noRebates: "还没有返利。",
    withheld: "返利暂扣：{place}", until: "自 {from} 起核查，最迟 {day} 前作出决定，到期未决自动发放。", state: { pending: "审核中", approved: "合作中" },
    problems: { "partner-exists": "编码已被使用，或您已在一家门店；请核对或先离开。", "no-such-partner": "没有这个编码的门店。", "unknown-dealer": "没有这个经销商编号。", "not-a-case-label": "这不是箱码：请扫箱上的码，或输入 18 位数字。", "wrong-check-digit": "箱码有一位输错了，请核对。", "not-an-sscc": "箱码是 18 位数字。", "not-a-partner": "只有已通过审核的门店人员可以这样做。", "partner-moved": "状态已变，请刷新。", "too-many": "操作太频繁，请稍候。", "invalid-body": "请检查填写的内容。", "wrong-code": "验证码不对或已过期。", "code-too-soon": "一分钟内已发过验证码，请稍候。", "bad-phone-number": "手机号不对。" },
  },
  en: {
    brand: "Stores and dealers", switch: "中文", title: "Stores and dealers", signIn: "Sign in with your phone", phone: "Phone number", send: "Send code", sent: "Code sent; it works for 5 minutes.", code: "Code from the message", enter: "Sign in",
    why: "Your number is used for your account only, and stored encrypted.", offlineText: "The network or service is away; try again.", signOut: "Sign out",
    join: "Join a store", joinWhy: "Ask the owner for the store's code; the owner decides.", storeCode: "Store code", ask: "Ask to join", asked: "You asked to join {name}; its owner decides.", leave: "Leave", cancel: "Take back",
    register: "Register a store or dealer", registerWhy: "Ask your dealer or the brand for the dealer's number.", dealerNumber: "Dealer's number", next: "Next", kind: "Kind", store: "Store", dealer: "Dealer", region: "Region", name: "Name", apply: "Register",
    pending: "{name} waits for the brand's approval.", open: "Open a case", openWhy: "Scan the case before opening it: your store is rewarded, and again for each bottle sold from it.", label: "Case code (18 digits, or by scanner)", go: "Open", camera: "Scan with the camera", stop: "Stop",
    opened: "Opened, +{n} points", share: "{n} of them the assistant's", reasons: {
      "unknown-case": "Nobody knows this case; check the code.", "not-a-case": "This is no case to open: scan its newest label.", "not-shipped": "This case is not on record as shipped; ask your dealer.", "other-dealer": "This case was shipped to another dealer and cannot be opened here; it was noted.",
      "already-opened": "This case was opened before.", "other-store": "This case was delivered to another store." },
    unpaid: { capped: "today's points are reached", "budget-exhausted": "all rewards are paid out", "no-terms": "no reward for opening now" },
    points: "The store's points", mine: "My share", history: "Movements", mineHistory: "My movements", empty: "Nothing yet.", people: "People", owner: "Owner", assistant: "Assistant", waiting: "asks to join", accept: "Accept", letGo: "Remove", me: "me",
    rebates: "Rebates", matured: "Paid", month: "{month}: {sum} in all", waits: "{sum} due {day}", held: "{sum} withheld", paid: "{sum} paid", withdrawn: "{sum} withdrawn", noRebates: "No rebates yet.",
    withheld: "Rebates withheld: {place}", until: "Looked into since {from}; decided by {day} at the latest, else all is paid.", state: { pending: "waiting", approved: "approved" },
    problems: {},
  },
};
