package main

import (
	"os"
	"os/exec"
	"path/filepath"
)

// What other tools are asked to do: the same question, as far as they can put
// it.
const (
	jqProgram = `select(.user.username == "system:anonymous" or ((.user.groups // []) | index("system:unauthenticated"))) | .auditID`

	pythonScan = `
import json, sys
for line in open(sys.argv[1], 'rb'):
    e = json.loads(line)
    u = e.get('user') or {}
    if u.get('username') == 'system:anonymous' or 'system:unauthenticated' in (u.get('groups') or []):
        print(e['auditID'])
`

	// The least that a search command in Python does, without its SDK.
	pythonSearch = `
import csv, io, json, re, sys
csv.field_size_limit(1 << 30)
i, n = sys.stdin.buffer, 0
while True:
    head = i.readline()
    if not head:
        break
    m = re.match(rb'chunked 1.0,(\d+),(\d+)\n', head)
    i.read(int(m[1]))
    body = i.read(int(m[2]))
    if not body:
        continue
    for row in csv.DictReader(io.StringIO(body.decode())):
        u = json.loads(row['_raw']).get('user') or {}
        if u.get('username') == 'system:anonymous' or 'system:unauthenticated' in (u.get('groups') or []):
            n += 1
print(n)
`

	duckScript = `
const { DuckDBInstance } = require('@duckdb/node-api');
(async () => {
  const [file, threads] = process.argv.slice(2);
  const db = await (await DuckDBInstance.create(':memory:', { threads })).connect();
  const rows = await db.runAndReadAll("SELECT auditID FROM read_ndjson('" + file + "', maximum_object_size=67108864, columns={auditID:'VARCHAR',user:'STRUCT(username VARCHAR, groups VARCHAR[])'}) " +
    "WHERE \"user\".username = 'system:anonymous' OR list_contains(\"user\".groups, 'system:unauthenticated')");
  process.stdout.write(rows.getRows().map(r => r[0] + '\n').join(''));
})();
`
)

// duckPackage is the version of DuckDB that is measured.
const duckPackage = "@duckdb/node-api@1.5.6-r.1"

// duck is DuckDB through Node.js, installed into dir on the first use.
func duck(dir, file, threads string) *tool {
	t := &tool{name: "DuckDB, " + threads + " thread(s)", rounds: 3}
	dir = filepath.Join(dir, "duckdb")
	script := filepath.Join(dir, "scan.js")
	t.argv = []string{"node", script, file, threads}
	if t.lookup(); t.absent != "" {
		return t
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.absent = err.Error()
			return t
		}
		if out, err := exec.Command("npm", "install", "--no-fund", "--no-audit", "--ignore-scripts", "--prefix", dir, duckPackage).CombinedOutput(); err != nil {
			t.absent = "npm install " + duckPackage + " failed: " + err.Error() + " " + string(out[max(0, len(out)-200):])
			return t
		}
	}
	if err := os.WriteFile(script, []byte(duckScript), 0o644); err != nil {
		t.absent = err.Error()
	}
	return t
}
