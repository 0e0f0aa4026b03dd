package cloudwatch

import "github.com/aws/aws-sdk-go-v2/aws"

// Through has the collector talk to t instead of the network.
func (c *Collector) Through(t aws.HTTPClient) { c.transport = t }
