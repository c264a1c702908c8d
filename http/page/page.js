'use strict';
(function () {
  const HISTORY = 120;
  const VIEWS = [
    { name: 'blocks', text: (n) => count(n) + '/s',
      lines: [['down', 'blocksDownloaded'], ['up', 'blocksUploaded'], ['appended', 'blocksAppended']] },
    { name: 'bytes', text: (n) => size(n) + '/s',
      lines: [['down', 'bytesDownloaded'], ['up', 'bytesUploaded'], ['appended', 'bytesAppended']] },
    { name: 'commits', text: (n) => count(n) + '/s', lines: [['commits', 'commits'], ['change sets', 'changeSets']] },
    { name: 'latency', text: (n) => n.toFixed(2) + ' ms', lines: [['commit', 'commitLatency'], ['queue', 'queueLatency']] }
  ];
  const COLORS = ['--one', '--two', '--three'];
  const KEY = /^[0-9a-f]{64}$|^[a-z0-9]{52}$/;
  const ROWS_MAX = 200;
  const PAGE = 1000; // cores of one page of a search by name
  const PAGES_MAX = 100;
  const COUNTED = ['blocksAppended', 'bytesAppended', 'blocksDownloaded', 'bytesDownloaded', 'blocksUploaded',
    'bytesUploaded', 'commits', 'changeSets', 'commitMicros', 'queueMicros'];
  const byId = (id) => document.getElementById(id);
  const samples = [];
  let view = VIEWS[0];
  let last = null;
  let filter = '';
  let shown = null;

  function count(n) { return Math.round(n).toLocaleString('en-US'); }
  function size(n) {
    let unit = 0;
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    while (n >= 1024 && unit < units.length - 1) { n /= 1024; unit++; }
    return (unit === 0 ? Math.round(n) : n.toFixed(1)) + ' ' + units[unit];
  }

  async function ask(path) {
    const response = await fetch(path, { cache: 'no-store' });
    const body = await response.json();
    if (!response.ok) throw new Error(body.error.message);
    return body;
  }

  function show(id, text) {
    const place = byId(id);
    if (place.textContent !== text) place.textContent = text;
  }

  function note(store) {
    const now = performance.now();
    const rates = {};
    if (last !== null) {
      const seconds = Math.max((now - last.at) / 1000, 0.001);
      const grown = (field) => Math.max(0, (store[field] || 0) - (last.store[field] || 0));
      for (const field of COUNTED) rates[field] = grown(field) / seconds;
      rates.commitLatency = grown('commits') > 0 ? grown('commitMicros') / grown('commits') / 1000 : 0;
      rates.queueLatency = grown('changeSets') > 0 ? grown('queueMicros') / grown('changeSets') / 1000 : 0;
      samples.push(rates);
      if (samples.length > HISTORY) samples.shift();
    }
    last = { at: now, store };
  }

  function draw() {
    const lists = view.lines.map(([, field]) => samples.map((sample) => sample[field] || 0));
    const top = Math.max(1e-9, ...lists.flat());
    const line = (list) => list.map((value, i) => {
      const x = 600 - (list.length - 1 - i) * (600 / (HISTORY - 1));
      return (i === 0 ? 'M' : 'L') + x.toFixed(1) + ' ' + (155 - 150 * value / top).toFixed(1);
    }).join(' ');
    const svg = byId('graph');
    svg.replaceChildren();
    const legend = byId('legend');
    legend.replaceChildren();
    lists.forEach((list, i) => {
      const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
      path.setAttribute('d', line(list) || 'M0 155');
      path.style.stroke = 'var(' + COLORS[i] + ')';
      svg.prepend(path); // the first line is drawn over the others
      const part = document.createElement('span');
      const label = document.createElement('b');
      label.style.color = 'var(' + COLORS[i] + ')';
      label.textContent = view.lines[i][0];
      part.append(label, ' ' + view.text(list.length > 0 ? list[list.length - 1] : 0));
      legend.append(part);
    });
    show('top', samples.length > 0 && top > 1e-9 ? view.text(top) : '');
  }

  function choose(next) {
    view = next;
    for (const button of byId('choice').children) {
      button.setAttribute('aria-selected', String(button.textContent === next.name));
      button.tabIndex = button.textContent === next.name ? 0 : -1;
    }
    draw();
  }

  function warn(store) {
    const lines = [];
    if (store.limitBytes > 0 && store.usedBytes / store.limitBytes > 0.9) lines.push('The store uses more than nine tenths of its limit.');
    if (store.quotaBytes > 0 && store.usedBytes / store.quotaBytes > 0.97) lines.push('The quota is used up: blocks that nobody here needs are given up, or appends fail.');
    const damaged = store.scrub.damaged;
    if (damaged > 0) lines.push(count(damaged) + (damaged === 1 ? ' stored block is' : ' stored blocks are') + ' damaged, and no peer has brought ' + (damaged === 1 ? 'it' : 'them') + ' again.');
    if (store.restored) lines.push('The store was restored from a backup: its cores cannot be written before a peer has shown that none has more.');
    if (store.durability !== 'commit') lines.push('Durability is ' + store.durability + ': a power cut may lose acknowledged blocks.');
    if (store.bans > 0) lines.push((store.bans === 1 ? 'A key or an address is' : count(store.bans) + ' keys or addresses are') + ' banned for a while.');
    if (store.oldestReaderCommits > 10000) lines.push('A reader of the database has been open for ' + count(store.oldestReaderCommits) + ' commits: freed space cannot be used again.');
    if (store.refusals > 0) lines.push(count(store.refusals) + ' connections were cut off because their peers broke a rule.');
    const list = byId('warnings');
    const text = lines.join('|');
    if (list.dataset.text === text) return;
    list.dataset.text = text;
    list.replaceChildren();
    for (const line of lines.length > 0 ? lines : ['none']) {
      const item = document.createElement('li');
      item.textContent = line;
      item.className = lines.length > 0 ? 'bad' : 'quiet';
      list.append(item);
    }
  }

  function cell(row, content, kind) {
    const place = row.insertCell();
    if (kind) place.className = kind;
    place.append(content);
    return place;
  }

  function code(text, whole) {
    const place = document.createElement('code');
    place.textContent = text;
    place.title = whole;
    return place;
  }

  function progress(here, all) {
    if (all === 0) return 'empty';
    const bar = document.createElement('progress');
    bar.max = all;
    bar.value = here;
    bar.title = count(here) + ' of ' + count(all) + ' blocks from the start';
    bar.setAttribute('aria-label', bar.title);
    return bar;
  }

  function coreRow(record) {
    const row = document.createElement('tr');
    const open = document.createElement('button');
    open.type = 'button';
    open.className = 'link';
    open.dataset.key = record.key;
    open.setAttribute('aria-label', 'Show the peers of the core ' + (record.name || record.key));
    open.append(code(record.key.slice(0, 16) + '…', 'key ' + record.key + '\ndiscovery key ' + record.discoveryKey));
    open.addEventListener('click', () => detail(record.key));
    cell(row, open);
    cell(row, record.name || '', 'name').title = record.name || '';
    cell(row, count(record.length), 'n');
    cell(row, size(record.byteLength), 'n');
    cell(row, progress(record.contiguousLength, record.length));
    cell(row, count(record.peers), 'n');
    cell(row, [record.frozen && 'frozen: two histories', record.fenced && 'fenced', record.writable && 'writable', record.mirrored && 'mirrored',
      record.active && 'loaded'].filter(Boolean).join(', '));
    return row;
  }

  function peerRow(peer) {
    const row = document.createElement('tr');
    cell(row, String(peer.id), 'n');
    cell(row, peer.address);
    cell(row, peer.state + (peer.initiator && peer.state !== 'dialling' ? ', dialled' : ''));
    cell(row, peer.publicKey ? code(peer.publicKey.slice(0, 16) + '…', peer.publicKey) : '');
    cell(row, count(peer.channels), 'n');
    cell(row, size(peer.bytesIn), 'n');
    cell(row, size(peer.bytesOut), 'n');
    cell(row, count(peer.requests), 'n');
    cell(row, [peer.throttled && 'slowed down', peer.strikes > 0 && count(peer.strikes) + ' strikes',
      !peer.upload && 'no upload', !peer.download && 'no download'].filter(Boolean).join(', '));
    return row;
  }

  function banRow(ban) {
    const row = document.createElement('tr');
    cell(row, code(ban.subject.length === 64 ? 'key ' + ban.subject.slice(0, 16) + '…' : ban.subject, ban.subject));
    cell(row, ban.reason);
    cell(row, count(Math.ceil(ban.leftMs / 1000)) + ' s', 'n');
    return row;
  }

  function remotePeerRow(peer, record) {
    const row = document.createElement('tr');
    cell(row, String(peer.session), 'n');
    cell(row, peer.address);
    cell(row, code(peer.publicKey.slice(0, 16) + '…', peer.publicKey));
    cell(row, progress(peer.contiguousLength, Math.max(record.length, peer.length)));
    cell(row, count(peer.inFlight), 'n');
    cell(row, count(peer.blocksDownloaded) + ' / ' + count(peer.blocksUploaded), 'n');
    cell(row, size(peer.bytesDownloaded) + ' / ' + size(peer.bytesUploaded), 'n');
    cell(row, [peer.upload && 'fetch from us', peer.download && 'be asked', peer.paused && 'paused: wrong data'].filter(Boolean).join(', '));
    return row;
  }

  async function detail(key) {
    shown = key;
    byId('detail').hidden = key === null;
    if (key === null) return;
    try {
      const [record, peers] = await Promise.all([ask('/v1/cores/' + key), ask('/v1/cores/' + key + '/peers')]);
      if (shown !== key) return;
      show('detail-key', record.name ? record.name : record.key.slice(0, 16) + '…');
      const facts = [['key', record.key], ['discovery key', record.discoveryKey], ['length', count(record.length)],
        ['stored from the start', count(record.contiguousLength)], ['bytes', size(record.byteLength)], ['fork', count(record.fork)],
        ['generation', String(record.generation)], ['tree hash', record.treeHash]];
      byId('detail-facts').replaceChildren(...facts.flatMap(([name, value]) => {
        const [term, text] = [document.createElement('dt'), document.createElement('dd')];
        term.textContent = name;
        text.textContent = value;
        return [term, text];
      }));
      byId('detail-rows').replaceChildren(...peers.peers.map((peer) => remotePeerRow(peer, record)));
      byId('detail-peers').hidden = peers.peers.length === 0;
      show('detail-note', peers.peers.length === 0 ? 'No connected peer has it open.' : '');
    } catch (err) {
      show('found', err.message);
      detail(null);
    }
  }

  function guard(store, bans) {
    const guards = store.guards;
    const parts = Object.entries(guards.refused).filter(([, n]) => n > 0)
      .map(([why, n]) => count(n) + ' refused: ' + why.replaceAll('_', ' '));
    parts.push(...Object.entries(guards.throttled).filter(([, n]) => n > 0)
      .map(([limit, n]) => count(n) + ' waits for a limit: ' + limit.replaceAll('_', ' ')));
    if (store.sessionsWithoutUpload > 0) parts.push(count(store.sessionsWithoutUpload) + ' connections without upload');
    if (store.sessionsWithoutDownload > 0) parts.push(count(store.sessionsWithoutDownload) + ' connections without download');
    if (guards.strikes > 0) parts.push(count(guards.strikes) + ' strikes, ' + count(guards.bans) + ' bans since the start');
    show('guards', parts.length > 0 ? parts.join(' · ') : 'nobody was turned away');
    byId('bans').hidden = bans.length === 0;
    byId('ban-rows').replaceChildren(...bans.map(banRow));
  }

  async function pulse() {
    try {
      const store = await ask('/v1/store');
      note(store);
      for (const field of ['blocksAppended', 'blocksDownloaded', 'blocksUploaded', 'cores', 'coresLoaded', 'sessions', 'commits'])
        show(field, count(store[field] || 0));
      show('bytesAppended', size(store.bytesAppended || 0));
      show('usedBytes', size(store.usedBytes) + (store.quotaBytes > 0 ? ' of ' + size(store.quotaBytes) : ''));
      show('durability', store.durability);
      show('about', 'version ' + store.version + (store.publicKey ? ', public key ' + store.publicKey : ''));
      show('state', 'serving');
      byId('state').dataset.is = 'good';
      warn(store);
      draw();
    } catch (err) {
      show('state', 'no answer: ' + err.message);
      byId('state').dataset.is = 'bad';
    }
  }

  async function tables() {
    try {
      const [cores, peers, bans] = await Promise.all([ask('/v1/cores?loaded=true&limit=' + ROWS_MAX), ask('/v1/peers'), ask('/v1/bans')]);
      if (filter === '') {
        listCores(cores.cores);
        const all = last === null ? 0 : last.store.coresLoaded;
        show('core-note', cores.cores.length === 0 ? 'No core is in memory; a key or a name finds those on the disk.' :
          all > cores.cores.length ? count(cores.cores.length) + ' of ' + count(all) + ' cores in memory are shown; a key or a name finds the others.' : '');
      }
      if (KEY.test(filter)) await byKey(filter);
      byId('peer-rows').replaceChildren(...peers.peers.map(peerRow));
      show('peer-note', peers.peers.length === 0 ? 'Nobody is connected.' : '');
      if (last !== null) guard(last.store, bans.bans);
      if (shown !== null) await detail(shown);
    } catch (err) { /* the pulse says so */ }
  }

  function listCores(records) {
    const focused = document.activeElement && document.activeElement.dataset.key;
    const shared = records.filter((record) => record.peers > 0);
    byId('core-rows').replaceChildren(...shared.concat(records.filter((record) => record.peers === 0)).map(coreRow));
    const again = focused && byId('core-rows').querySelector('[data-key="' + focused + '"]');
    if (again) again.focus(); // the rows are new, the place in them is not
  }

  async function byKey(key) {
    const record = await ask('/v1/cores/' + key);
    listCores([record]);
    show('found', 'key ' + record.key + ', discovery key ' + record.discoveryKey + ', fork ' + record.fork);
  }

  // Names, and beginnings of keys, of everything that is known.
  async function byPart(part) {
    const found = [];
    let [after, pages, known] = ['', 0, 0];
    do {
      const page = await ask('/v1/cores?limit=' + PAGE + (after ? '&after=' + encodeURIComponent(after) : ''));
      if (filter !== part) return;
      known += page.cores.length;
      found.push(...page.cores.filter((record) => record.key.startsWith(part) || record.discoveryKey.startsWith(part) ||
        (record.name || '').toLowerCase().includes(part)));
      after = page.next;
    } while (after && ++pages < PAGES_MAX && found.length <= ROWS_MAX);
    listCores(found.slice(0, ROWS_MAX));
    show('found', found.length > ROWS_MAX ? 'The first ' + count(ROWS_MAX) + ' are shown.' :
      count(found.length) + ' of ' + count(known) + ' cores' + (after ? ' that were looked at' : ''));
  }

  async function search(text) {
    const wanted = filter = text.trim().toLowerCase();
    show('found', '');
    show('core-note', '');
    if (wanted === '') return tables();
    byId('core-rows').replaceChildren();
    try {
      await (KEY.test(wanted) ? byKey(wanted) : byPart(wanted));
    } catch (err) {
      show('found', err.message);
    }
  }

  for (const each of VIEWS) {
    const button = document.createElement('button');
    button.type = 'button';
    button.setAttribute('role', 'tab');
    button.textContent = each.name;
    button.addEventListener('click', () => choose(each));
    byId('choice').append(button);
  }
  byId('choice').addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    choose(VIEWS[(VIEWS.indexOf(view) + step + VIEWS.length) % VIEWS.length]);
    byId('choice').children[VIEWS.indexOf(view)].focus();
  });
  byId('search').addEventListener('submit', (event) => {
    event.preventDefault();
    search(byId('query').value);
  });
  byId('query').addEventListener('input', () => { if (byId('query').value === '') search(''); });
  byId('detail-close').addEventListener('click', () => detail(null));
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') detail(null);
    if (event.key !== '/' || event.target === byId('query')) return;
    event.preventDefault();
    byId('query').focus();
  });
  const root = document.documentElement;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const paint = (isDark) => { root.dataset.theme = isDark ? 'dark' : 'light'; };
  paint(dark.matches);
  dark.addEventListener('change', (event) => paint(event.matches));
  byId('theme').addEventListener('click', () => paint(root.dataset.theme !== 'dark'));

  choose(VIEWS[0]);
  const again = (work, ms) => work().finally(() => setTimeout(() => again(work, ms), document.hidden ? ms * 5 : ms));
  again(pulse, 1000);
  again(tables, 2000);
})();
