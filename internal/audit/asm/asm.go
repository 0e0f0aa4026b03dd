// Command asm generates the AVX2 kernel of package audit:
//
//	cd internal/audit/asm && go run . -out ../spot_amd64.s
//
// It is a module of its own so that the product does not depend on avo.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const width = 32 // bytes in a vector

func main() {
	ConstraintExpr("!purego")
	TEXT("spotAVX2", NOSPLIT, "func(text []byte) (i int, found bool)")
	Doc("spotAVX2 is spot by vectors of 32 bytes; it leaves the last 39 bytes or less to its caller.")
	base, length := Load(Param("text").Base(), GP64()), Load(Param("text").Len(), GP64())
	broadcast := map[byte]VecVirtual{}
	for _, c := range []byte(`:noe\u67` + "3") {
		gp, v := GP32(), YMM()
		MOVL(U32(uint32(c)), gp)
		x := XMM()
		MOVD(gp, x)
		VPBROADCASTB(x, v)
		broadcast[c] = v
	}
	i := GP64()
	XORQ(i, i)
	// The furthest byte that is looked at is text[i+31+7].
	SUBQ(U8(width+7), length)

	Label("next")
	CMPQ(i, length)
	JG(LabelRef("none"))
	is := func(offset int, c byte) VecVirtual {
		v := YMM()
		VPCMPEQB(Mem{Base: base, Index: i, Scale: 1, Disp: offset}, broadcast[c], v)
		return v
	}
	either := func(a, b VecVirtual) VecVirtual { VPOR(a, b, a); return a }
	both := func(a, b VecVirtual) VecVirtual { VPAND(a, b, a); return a }
	name := both(both(is(0, ':'), is(2, 'n')), either(is(7, 'o'), is(7, 'e')))
	escape := both(both(is(0, '\\'), is(1, 'u')), either(either(is(4, '6'), is(4, '7')), is(4, '3')))
	mask := GP32()
	VPMOVMSKB(either(name, escape), mask)
	TESTL(mask, mask)
	JNZ(LabelRef("found"))
	ADDQ(U8(width), i)
	JMP(LabelRef("next"))

	Label("found")
	bit := GP32()
	TZCNTL(mask, bit)
	ADDQ(bit.As64(), i)
	VZEROUPPER()
	Store(i, ReturnIndex(0))
	yes := GP8()
	MOVB(U8(1), yes)
	Store(yes, ReturnIndex(1))
	RET()

	Label("none")
	VZEROUPPER()
	Store(i, ReturnIndex(0))
	no := GP8()
	MOVB(U8(0), no)
	Store(no, ReturnIndex(1))
	RET()
	Generate()
}
