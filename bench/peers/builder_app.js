// The dialogue on ussd-menu-builder or ussd-builder (PACKAGE), sessions in Redis, on express.
// A menu for each request: one menu shared by all, as both READMEs show it, mixes subscribers up.
'use strict';
const express = require('express');
const Redis = require('ioredis');
const Menu = require(process.env.PACKAGE);

const redis = new (Redis.Redis || Redis)(process.env.REDIS_URL, { enableAutoPipelining: true });
const sessions = {
    start: (id) => redis.expire(id, 180),
    end: (id) => redis.del(id),
    set: (id, key, value) => redis.hset(id, key, value),
    get: (id, key) => redis.hget(id, key),
};
let numbers = 0;

function build() {
    const menu = new Menu();
    menu.sessionConfig(sessions);
    menu.on('error', () => {});
    menu.startState({
        run: () => menu.con('Merchant menu\n1.Balance\n2.Issue invoice\n3.Help'),
        next: { 1: 'balance', 2: 'client', 3: 'help' },
    });
    menu.state('balance', { run: () => menu.end('Balance 0') });
    menu.state('help', { run: () => menu.end('Call 1234') });
    menu.state('client', { run: () => menu.con('Enter phone'), next: { '*^998\\d{9}$': 'amount' } });
    menu.state('amount', {
        run: async () => {
            if (/^998\d{9}$/.test(menu.val)) await menu.session.set('client', menu.val);
            menu.con('Enter amount');
        },
        next: { '*^\\d+$': () => (menu.val >= 1000 && menu.val <= 10000000 ? 'issued' : 'amount') },
    });
    menu.state('issued', {
        run: async () => {
            const typed = menu.val;
            menu.end(`Invoice ${++numbers}, client ${await menu.session.get('client')}, amount ${typed}`);
        },
    });
    return menu;
}

const server = express();
server.use(express.urlencoded({ extended: false }));
server.post('/ussd', (request, response) => {
    build().run(request.body, (text) => {
        if (!response.headersSent) response.type('text').send(text);
    });
});
process.on('unhandledRejection', () => {});
server.listen(Number(process.argv[2]), '127.0.0.1');
