// Holds the views of the app against Splunk's schema and draws them with made-up
// data: node check.cjs VIEWS PICTURES. It needs node_modules and page.js beside
// it, which ./build.sh dashboards makes.
const fs = require('fs');
const path = require('path');
const puppeteer = require('puppeteer-core');

const [views, pictures] = process.argv.slice(2);
const mock = JSON.parse(fs.readFileSync(path.join(__dirname, 'mock.json'), 'utf8'));

const definition = (file) =>
  JSON.parse(fs.readFileSync(file, 'utf8').match(/<definition><!\[CDATA\[([\s\S]*?)\]\]><\/definition>/)[1]);

// The schema knows only the form with tabs; Splunk 9 knows only the one without,
// and Splunk 10 reads both.
const tabbed = (d) => ({
  ...d,
  layout: {
    globalInputs: d.layout.globalInputs,
    tabs: { items: [{ layoutId: 'all', label: 'All' }] },
    layoutDefinitions: { all: { type: d.layout.type, options: d.layout.options, structure: d.layout.structure } },
  },
});

// The time picker asks Splunk Web for its presets, which is not here: it would
// draw an error.
const mocked = (view, name) => {
  const d = structuredClone(view);
  d.layout.globalInputs = d.layout.globalInputs.filter((id) => d.inputs[id].type !== 'input.timerange');
  for (const id of Object.keys(d.dataSources)) {
    const data = mock[name]?.[id];
    if (!data) throw new Error(`mock.json has no ${name}.${id}`);
    const fields = Object.keys(data).map((field) => ({ name: field }));
    d.dataSources[id] = { type: 'ds.test', name: id, options: { data: { fields, columns: Object.values(data) } } };
  }
  return d;
};

(async () => {
  const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', process.env.CHROMIUM].find((f) => f && fs.existsSync(f));
  if (!chromium) throw new Error('no chromium: install it, or name it in CHROMIUM');
  const page = path.join(__dirname, 'page.html');
  fs.writeFileSync(page, '<!doctype html><meta charset="utf-8"><style>html,body,#root{height:100%;margin:0}</style><link rel="stylesheet" href="page.css"><div id="root"></div><script src="page.js"></script>');
  // It must not reach anything: the views are drawn with what is here.
  const browser = await puppeteer.launch({ executablePath: chromium, args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--allow-file-access-from-files', '--host-resolver-rules=MAP * ~NOTFOUND'] });
  let failed = 0;
  for (const file of fs.readdirSync(views).filter((f) => f.endsWith('.xml')).sort()) {
    const name = file.replace('.xml', '');
    const view = definition(path.join(views, file));
    const tab = await browser.newPage();
    const drawn = mocked(view, name);
    const errors = [];
    tab.on('pageerror', (e) => errors.push(String(e)));
    await tab.setViewport({ width: 1240, height: drawn.layout.options.height + (drawn.layout.globalInputs.length ? 110 : 20) });
    await tab.goto('file://' + page, { waitUntil: 'load', timeout: 180000 }); // a busy machine takes its time over 10 MB of script
    const wrong = await tab.evaluate((d) => window.validate(d), tabbed(view));
    const list = Array.isArray(wrong) ? wrong : Object.values(wrong ?? {}).flat();
    await tab.evaluate((d) => window.draw(d), drawn);
    await tab.waitForNetworkIdle({ idleTime: 500, timeout: 20000 }).catch(() => {});
    const map = Object.values(drawn.visualizations).some((v) => v.type === 'splunk.map');
    await new Promise((done) => setTimeout(done, map ? 30000 : 8000)); // charts move into place; a map is drawn without a graphics card
    await tab.screenshot({ path: path.join(pictures, `dashboard-${name}.png`) });
    const text = await tab.evaluate(() => document.body.innerText);
    for (const v of Object.values(view.visualizations)) {
      if (v.title && !text.includes(v.title)) list.push(`"${v.title}" is not drawn`);
    }
    for (const problem of [...list, ...errors]) {
      failed++;
      console.error(`${file}: ${typeof problem === 'string' ? problem : JSON.stringify(problem)}`);
    }
    console.log(`${file}: ${list.length + errors.length} problems`);
    await tab.close();
  }
  await browser.close();
  process.exit(failed ? 1 : 0);
})().catch((e) => { console.error(String(e)); process.exit(2); });
