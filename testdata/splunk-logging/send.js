// Sends events with Splunk's own client: node send.js URL TOKEN COUNT.
const { Logger } = require('splunk-logging');

const [url, token, count] = process.argv.slice(2);
const logger = new Logger({ url, token, batchInterval: 0, maxBatchCount: 3, maxRetries: 5 });
logger.error = (err) => {
  console.error(err.message);
  process.exit(1);
};
for (let i = 0; i < Number(count); i++) {
  logger.send({ message: { n: i, text: 'event ' + i }, metadata: { source: 'node', sourcetype: 'kube:audit', index: 'k8s' }, severity: 'info' });
}
logger.flush((err) => {
  if (err) {
    console.error(err.message);
    process.exit(1);
  }
});
