'use strict';
// An operator's centre to test against: SMS and USSD over SMPP, on node-smpp, which shares no code with ours.
//
//     node centre.js [PORT [KEY CERTIFICATE]]        prints {"event":"ready","port":…}
//
// Orders come as JSON lines on stdin, what happens goes out as JSON lines on stdout. Its phones keep their own
// record of a dialogue, in one of five styles; see `styles`.
const fs = require('fs');
const readline = require('readline');
const smpp = require('smpp');

// Raw octets everywhere: node-smpp's filters would hide what was really sent.
for (const name of Object.keys(smpp.tlvs)) {
  smpp.tlvs[name].type = smpp.types.tlv.buffer;
  delete smpp.tlvs[name].filter;
  delete smpp.tlvs[name].multiple;
}
for (const command of ['submit_sm', 'deliver_sm', 'data_sm']) {
  delete (smpp.commands[command].params.short_message || {}).filter;
  delete smpp.commands[command].tlvMap;
}
smpp.addTLV('ussd_session_id', {id: 0x1501, type: smpp.types.tlv.buffer});
const KNOWN = ['ussd_service_op', 'its_session_info', 'user_message_reference', 'ussd_session_id',
  'message_payload', 'sar_msg_ref_num', 'sar_total_segments', 'sar_segment_seqnum'];

const USER = 'ussd', PASSWORD = 'sesame';
const [port, key, cert] = process.argv.slice(2);
const say = (event, more = {}) => process.stdout.write(JSON.stringify({event, ...more}) + '\n');
let session = null;
const rules = {statuses: [], hold: false, receipts: '', dropAfter: 0};
const accepted = [];
const phones = new Map();
let ids = 0x1a0, seen = 0, dialogues = 0;

// --- texts ---------------------------------------------------------------------------------------------------

const GSM = '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?' +
  '¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà';
const EXTENSION = {10: '\f', 20: '^', 40: '{', 41: '}', 47: '\\', 60: '[', 61: '~', 62: ']', 64: '|', 101: '€'};

function decode(octets, coding) {
  if (coding === 8 || coding === 72) return Buffer.from(octets).swap16().toString('utf16le');
  let text = '';
  for (let i = 0; i < octets.length; i++) text += octets[i] === 27 ? EXTENSION[octets[++i]] : GSM[octets[i]];
  return text;
}

// --- phones in dialogues -------------------------------------------------------------------------------------

const number = (value, size) => { const b = Buffer.alloc(size); b.writeUIntBE(value, 0, size); return b; };
const styles = {
  its: (phone, last) => ({its_session_info: Buffer.from([phone.id & 255, (phone.unit << 1 | last) & 255])}),
  its15: (phone, last) => ({its_session_info: number((phone.id & 0x7fff) << 1 | last, 2)}),
  umr: (phone) => ({user_message_reference: number(phone.id & 0xffff, 2)}),
  plus: (phone) => ({ussd_session_id: number(0x10000 + phone.id, 4)}),
  none: () => ({}),
};
const ended = {
  its: (pdu) => pdu.its_session_info[1] & 1,
  its15: (pdu) => pdu.its_session_info[1] & 1,
};

function named(phone, pdu) {
  const mine = phone.pushed || styles[phone.style](phone, 0);
  return Object.keys(mine).every((tag) => pdu[tag] && (phone.style === 'its15'
    ? (pdu[tag].readUInt16BE(0) & ~1) === mine[tag].readUInt16BE(0)
    : pdu[tag][0] === mine[tag][0] && pdu[tag].length === mine[tag].length));
}

function tell(phone, op, text, last = 0) {
  deliver({source_addr_ton: 1, source_addr_npi: 1, source_addr: phone.msisdn, dest_addr_ton: 1, dest_addr_npi: 1,
    destination_addr: phone.code, service_type: 'USSD', short_message: Buffer.from(text, 'latin1'),
    ussd_service_op: Buffer.from([op]), ...(phone.pushed || styles[phone.style](phone, last))}, phone.by);
}

function deliver(fields, command = 'deliver_sm') {
  if (command === 'data_sm') fields = {...fields, message_payload: fields.short_message, short_message: undefined};
  const pdu = new smpp.PDU(command, fields);
  const sent = session && session.send(pdu, (answer) => say('delivered', {status: answer.command_status}));
  if (!sent) say('undelivered');
}

function screen(phone, pdu, octets) {
  const op = pdu.ussd_service_op[0];
  if (!named(phone, pdu)) return say('misnamed', {msisdn: phone.msisdn});
  const bit = ended[phone.style] ? Boolean(ended[phone.style](pdu)) : op === phone.endOp;
  const open = op === 2;
  if (phone.pushed) {
    if (!open && op !== phone.endOp) return say('contradiction', {op});
    if (!open) phones.delete(phone.msisdn);
    return say('screen', {msisdn: phone.msisdn, text: decode(octets, pdu.data_coding), open, op,
      bit: pdu.its_session_info ? pdu.its_session_info[1] & 1 : null});
  }
  if (open === bit || (!open && op !== phone.endOp && op < 128)) return say('contradiction', {op, bit});
  if (!open) phones.delete(phone.msisdn);
  say('screen', {msisdn: phone.msisdn, text: decode(octets, pdu.data_coding), open, coding: pdu.data_coding,
    command: pdu.command, source: pdu.source_addr});
}

// --- what the other side sends -------------------------------------------------------------------------------

function submitted(pdu) {
  seen += 1;
  const drop = rules.dropAfter && seen % rules.dropAfter === 0;
  if (drop && seen % (2 * rules.dropAfter) === 0) return session.destroy();
  if (rules.hold) return say('held');
  const status = rules.statuses.length ? rules.statuses.shift() : 0;
  const id = (ids++).toString(16);
  const octets = pdu.message_payload || pdu.short_message.message || pdu.short_message;
  const tlvs = Object.fromEntries(KNOWN.filter((tag) => pdu[tag]).map((tag) => [tag, pdu[tag].toString('hex')]));
  const told = {source: pdu.source_addr, source_ton: pdu.source_addr_ton, source_npi: pdu.source_addr_npi,
    destination: pdu.destination_addr, coding: pdu.data_coding, esm_class: pdu.esm_class,
    registered: pdu.registered_delivery, octets: octets.toString('hex'), tlvs, id, status};
  if (status === 0) accepted.push(told);
  if (rules.receipts === 'early') receipt(told, id);
  session.send(pdu.response({command_status: status, message_id: id}));
  if (drop) return session.destroy();
  const phone = phones.get(pdu.destination_addr);
  if (pdu.ussd_service_op && phone && status === 0) return screen(phone, pdu, octets);
  if (pdu.ussd_service_op && status === 0 && pushed(pdu, octets)) return undefined;
  if (!rules.dropAfter) say('submit', told);
  if (status === 0 && pdu.registered_delivery && rules.receipts !== 'early') receipt(told, id);
}

function pushed(pdu, octets) {
  const op = pdu.ussd_service_op[0];
  if (op !== 2 && op !== 3 && op !== 130 && op !== 131) return false;
  const tags = ['its_session_info', 'user_message_reference', 'ussd_session_id'].filter((tag) => pdu[tag]);
  phones.set(pdu.destination_addr, {msisdn: pdu.destination_addr, code: pdu.source_addr, style: 'none', endOp: pdu.ussd_session_id ? 131 : 17,
    pushed: Object.fromEntries(tags.map((tag) => [tag, pdu[tag]])), by: 'deliver_sm'});
  say('pushed', {msisdn: pdu.destination_addr, op, text: decode(octets, pdu.data_coding)});
  return true;
}

function receipt(told, id) {
  if (!rules.receipts) return;
  const written = rules.receipts === 'decimal' ? String(parseInt(id, 16)).padStart(10, '0') : id;
  const text = rules.receipts === 'tlv' ? '' :
    `id:${written} sub:001 dlvrd:001 submit date:2611240507 done date:2611240508 stat:DELIVRD err:000 text:`;
  const tlvs = rules.receipts === 'tlv' ? {receipted_message_id: Buffer.from(id + '\0'), message_state: Buffer.from([2])} : {};
  deliver({source_addr: told.destination, destination_addr: told.source, esm_class: 4,
    short_message: Buffer.from(text), ...tlvs});
}

function bound(pdu) {
  const good = pdu.system_id === USER && pdu.password === PASSWORD;
  session.send(pdu.response({command_status: good ? 0 : smpp.ESME_RINVPASWD, system_id: 'centre'}));
  say(good ? 'bound' : 'refused', {command: pdu.command, version: pdu.interface_version});
}

function listener(connected) {
  connected.socket.setNoDelay(true);
  session = connected;
  connected.on('error', () => {});
  connected.on('close', () => { if (session === connected) session = null; say('closed'); });
  for (const kind of ['transceiver', 'receiver', 'transmitter']) connected.on(`bind_${kind}`, bound);
  connected.on('submit_sm', submitted);
  connected.on('data_sm', submitted);
  connected.on('enquire_link', (pdu) => { connected.send(pdu.response()); say('enquired'); });
  connected.on('unbind', (pdu) => { connected.send(pdu.response(), () => connected.close()); say('unbound'); });
}

// --- orders --------------------------------------------------------------------------------------------------

const orders = {
  dial: ({msisdn, text, code = '880', style = 'its', endOp = 17, by = 'deliver_sm', id = null}) => {
    const phone = {msisdn, code, style, endOp, by, id: id === null ? ++dialogues : id, unit: 0};
    phones.set(msisdn, phone);
    tell(phone, 1, text);
  },
  answer: ({msisdn, text, op = 18}) => {
    const phone = phones.get(msisdn);
    phone.unit += 1;
    tell(phone, op, text);
  },
  hangup: ({msisdn, by}) => {
    const phone = phones.get(msisdn);
    phones.delete(msisdn);
    if (by === 'bit') tell(phone, 18, '', 1); else tell(phone, 129, '');
  },
  deliver: ({fields, octets, tlvs = {}}) => deliver({...fields, short_message: Buffer.from(octets, 'hex'),
    ...Object.fromEntries(Object.entries(tlvs).map(([tag, value]) => [tag, Buffer.from(value, 'hex')]))}),
  rule: (given) => Object.assign(rules, given),
  drop: () => { if (session) session.destroy(); },
  unbind: () => session.unbind(() => session.close()),
  raw: ({octets}) => session.socket.write(Buffer.from(octets, 'hex')),
  accepted: () => say('accepted', {messages: accepted}),
};
readline.createInterface({input: process.stdin})
  .on('line', (line) => { const order = JSON.parse(line); orders[order.do](order); })
  .on('close', () => process.exit(0));

const options = key ? {key: fs.readFileSync(key), cert: fs.readFileSync(cert)} : {};
const server = smpp.createServer(options, listener);
server.listen(Number(port) || 0, '127.0.0.1', () => say('ready', {port: server.address().port}));
