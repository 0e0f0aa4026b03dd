package main

import (
	"fmt"
	"html"
	"strings"
)

// The picture: one chart a series, two in a row. Bars are MB/s, the line above
// them is the peak memory.
const (
	chartWidth, chartHeight = 460, 250
	plotTop, plotHeight     = 50, 140
	plotLeft, plotWidth     = 30, 410
)

func draw(all []series) []byte {
	var b strings.Builder
	rows := (len(all) + 1) / 2
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="11">`+"\n", 2*chartWidth, rows*chartHeight)
	b.WriteString(`<title>What a scan costs as the work grows</title>` + "\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", 2*chartWidth, rows*chartHeight)
	for i := range all {
		fmt.Fprintf(&b, `<g transform="translate(%d,%d)">`+"\n", i%2*chartWidth, i/2*chartHeight)
		chart(&b, &all[i])
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

func chart(b *strings.Builder, s *series) {
	var most float64
	for _, p := range s.points {
		most = max(most, p.mb/p.seconds)
	}
	fmt.Fprintf(b, `<text x="%d" y="20" font-size="13" font-weight="600" fill="#222">%s</text>`+"\n", plotLeft, html.EscapeString(s.title))
	fmt.Fprintf(b, `<text x="%d" y="36" fill="#666">MB/s (bars), peak memory (grey), by %s</text>`+"\n", plotLeft, html.EscapeString(s.unit))
	step := float64(plotWidth) / float64(len(s.points))
	for i, p := range s.points {
		rate := p.mb / p.seconds
		height := rate / most * plotHeight * 0.9
		x, y := float64(plotLeft)+float64(i)*step, plotTop+plotHeight-height
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2" fill="#2f6fb0"/>`, x+step*0.15, y, step*0.7, height)
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle" fill="#222">%.0f</text>`, x+step/2, y-4, rate)
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle" fill="#222">%s</text>`, x+step/2, plotTop+plotHeight+15, html.EscapeString(p.label))
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle" fill="#777">%.0f MB</text>`+"\n", x+step/2, plotTop+plotHeight+30, float64(p.memory)/1e6)
	}
	fmt.Fprintf(b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#999"/>`+"\n", plotLeft, plotTop+plotHeight, plotLeft+plotWidth, plotTop+plotHeight)
}
