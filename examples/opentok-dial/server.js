// Rooms for telephones, with the SDK of OpenTok and nothing else. Its one line that knows of Tandem is the address behind key and secret.
//
//   POST /rooms/ROOM/dial?uri=sip:…     calls somebody into the room; answers with the connection
//   GET  /rooms/ROOM                    who is in it
//   DELETE /rooms/ROOM/CONNECTION       hangs somebody up
//
// usage: OPENTOK_URL=… OPENTOK_KEY=… OPENTOK_SECRET=… PORT=… node server.js

const http = require('http');
const { promisify } = require('util');
const OpenTok = require('opentok');

const { OPENTOK_URL, OPENTOK_KEY, OPENTOK_SECRET, PORT } = process.env;
const opentok = new OpenTok(OPENTOK_KEY, OPENTOK_SECRET, OPENTOK_URL);
const [createSession, dial, listStreams, forceDisconnect] = ['createSession', 'dial', 'listStreams', 'forceDisconnect'].map((name) =>
  promisify(opentok[name].bind(opentok)),
);

// A session for each room, made when it is first asked for.
const sessions = new Map();

function sessionOf(room) {
  if (!sessions.has(room)) {
    // Only a routed session can be called from.
    sessions.set(room, createSession({ mediaMode: 'routed' }).then((session) => session.sessionId));
  }
  return sessions.get(room);
}

async function answer(method, url) {
  const [, rooms, room, last] = url.pathname.split('/');
  if (rooms !== 'rooms' || !room) return [404, { message: 'there is nothing' }];
  const session = await sessionOf(room);
  if (method === 'POST' && last === 'dial') {
    const token = opentok.generateToken(session, { data: 'sip=true' });
    return [200, await dial(session, token, url.searchParams.get('uri'), { from: '15557654321@example.com' })];
  }
  if (method === 'DELETE' && last) {
    await forceDisconnect(session, last);
    return [200, {}];
  }
  if (method === 'GET' && !last) return [200, { streams: await listStreams(session) }];
  return [404, { message: 'there is nothing' }];
}

http
  .createServer(async (request, response) => {
    const answered = answer(request.method, new URL(request.url, 'http://localhost'));
    const [status, body] = await answered.catch((error) => [502, { message: error.message }]);
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
  })
  .listen(PORT, '127.0.0.1', () => console.log(`rooms at http://127.0.0.1:${PORT}`));
