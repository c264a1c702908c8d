'use strict';
(function () {
  const HISTORY = 120;
  const VIEWS = [
    { name: 'blocks', one: ['down', 'blocksDownloaded'], two: ['up', 'blocksUploaded'], text: (n) => count(n) + '/s' },
    { name: 'bytes', one: ['down', 'bytesDownloaded'], two: ['up', 'bytesUploaded'], text: (n) => size(n) + '/s' },
    { name: 'appends', one: ['blocks', 'blocksAppended'], two: ['commits', 'commits'], text: (n) => count(n) + '/s' },
    { name: 'latency', one: ['commit', 'commitLatency'], two: ['queue', 'queueLatency'], text: (n) => n.toFixed(2) + ' ms' }
  ];
  const COUNTED = ['blocksAppended', 'bytesAppended', 'blocksDownloaded', 'bytesDownloaded', 'blocksUploaded',
    'bytesUploaded', 'commits', 'changeSets', 'commitMicros', 'queueMicros'];
  const byId = (id) => document.getElementById(id);
  const samples = [];
  let view = VIEWS[0];
  let last = null;
  let filter = '';

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
    const values = (field) => samples.map((sample) => sample[field] || 0);
    const [one, two] = [values(view.one[1]), values(view.two[1])];
    const top = Math.max(1e-9, ...one, ...two);
    const line = (list) => list.map((value, i) => {
      const x = 600 - (list.length - 1 - i) * (600 / (HISTORY - 1));
      return (i === 0 ? 'M' : 'L') + x.toFixed(1) + ' ' + (155 - 150 * value / top).toFixed(1);
    }).join(' ');
    const svg = byId('graph');
    svg.replaceChildren();
    for (const [list, color] of [[two, '--two'], [one, '--one']]) {
      const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
      path.setAttribute('d', line(list) || 'M0 155');
      path.style.stroke = 'var(' + color + ')';
      svg.append(path);
    }
    const legend = byId('legend');
    legend.replaceChildren();
    [['one', view.one, one], ['two', view.two, two]].forEach(([kind, [name], list]) => {
      const label = document.createElement('b');
      label.className = kind;
      label.textContent = name;
      legend.append(label, ' ' + view.text(list.length > 0 ? list[list.length - 1] : 0) + '  ');
    });
    legend.append('top ' + view.text(samples.length > 0 ? top : 0));
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
    if (store.durability !== 'commit') lines.push('Durability is ' + store.durability + ': a power cut may lose acknowledged blocks.');
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

  function coreRow(record) {
    const row = document.createElement('tr');
    cell(row, code(record.key.slice(0, 16) + '…', record.key));
    cell(row, record.name || '');
    cell(row, count(record.length), 'n');
    cell(row, size(record.byteLength), 'n');
    const bar = document.createElement('progress');
    bar.max = Math.max(record.length, 1);
    bar.value = record.length === 0 ? 1 : record.contiguousLength;
    bar.title = count(record.contiguousLength) + ' of ' + count(record.length) + ' blocks from the first on';
    cell(row, bar);
    cell(row, count(record.peers), 'n');
    cell(row, [record.writable && 'writable', record.mirrored && 'mirrored', record.active && 'loaded'].filter(Boolean).join(', '));
    return row;
  }

  function peerRow(peer) {
    const row = document.createElement('tr');
    cell(row, String(peer.id), 'n');
    cell(row, peer.address);
    cell(row, peer.state + (peer.initiator ? ', dialled' : ''));
    cell(row, peer.publicKey ? code(peer.publicKey.slice(0, 16) + '…', peer.publicKey) : '');
    cell(row, count(peer.channels), 'n');
    cell(row, size(peer.bytesIn), 'n');
    cell(row, size(peer.bytesOut), 'n');
    return row;
  }

  async function pulse() {
    try {
      const store = await ask('/v1/store');
      note(store);
      for (const field of ['blocksAppended', 'blocksDownloaded', 'blocksUploaded', 'cores', 'coresLoaded', 'sessions', 'commits'])
        show(field, count(store[field] || 0));
      show('bytesAppended', size(store.bytesAppended || 0));
      show('usedBytes', size(store.usedBytes));
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
      const [cores, peers] = await Promise.all([ask('/v1/cores?loaded=true&limit=200'), ask('/v1/peers')]);
      const wanted = cores.cores.filter((record) => filter === '' || record.key.startsWith(filter) ||
        record.discoveryKey.startsWith(filter) || (record.name || '').toLowerCase().includes(filter));
      byId('core-rows').replaceChildren(...wanted.map(coreRow));
      byId('peer-rows').replaceChildren(...peers.peers.map(peerRow));
    } catch (err) { /* the pulse says so */ }
  }

  async function search(text) {
    filter = text.trim().toLowerCase();
    show('found', '');
    await tables();
    if (!/^[0-9a-f]{64}$|^[a-z0-9]{52}$/.test(filter)) return;
    try {
      const record = await ask('/v1/cores/' + filter);
      byId('core-rows').replaceChildren(coreRow(record));
      show('found', 'key ' + record.key + ', discovery key ' + record.discoveryKey + ', fork ' + record.fork);
      filter = record.key;
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
  document.addEventListener('keydown', (event) => {
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
