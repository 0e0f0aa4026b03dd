package audit_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// legacySSE returns the lines of an assembly file whose instruction names a
// vector register but is not of the VEX (or EVEX) encoding: all of those begin
// with V.
func legacySSE(source string) (lines []string) {
	register := regexp.MustCompile(`\b[XYZ](?:[12]?[0-9]|3[01])\b`)
	for line := range strings.Lines(source) {
		code, _, _ := strings.Cut(line, "//")
		instruction, operands, _ := strings.Cut(strings.TrimSpace(code), " ")
		if register.MatchString(operands) && !strings.HasPrefix(instruction, "V") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// TestNoLegacySSE: an instruction of the legacy SSE encoding after one that
// wrote the upper half of a YMM register makes Intel's processors save or blend
// that half (Intel 64 and IA-32 Architectures Optimization Reference Manual,
// "Mixing SSE code with AVX code"). Nine such instructions were 71 % of a
// search's time on a Xeon, and cost nothing on AMD, where nobody saw it.
func TestNoLegacySSE(t *testing.T) {
	files, err := filepath.Glob("*_amd64.s")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(source), "VPBROADCASTB") {
			t.Errorf("%s holds no vector instruction: is it still the kernel?", file)
		}
		for _, line := range legacySSE(string(source)) {
			t.Errorf("%s: legacy SSE among vectors: %s", file, line)
		}
	}
	for source, want := range map[string]int{
		"\tMOVD DX, X0\n":                    1,
		"\tMOVD         DX, X15 // why\n":    1,
		"\tPCMPEQB (AX), X1\n":               1,
		"\tMOVQ X3, AX\n":                    1,
		"\tVMOVD DX, X0\n":                   0,
		"\tVPBROADCASTB X0, Y0\n":            0,
		"\tMOVQ text_base+0(FP), AX\n":       0,
		"// MOVD DX, X0\n\tMOVL $0x3a, DX\n": 0,
	} {
		if got := legacySSE(source); len(got) != want {
			t.Errorf("%q: %d legacy instructions, want %d", source, len(got), want)
		}
	}
}
