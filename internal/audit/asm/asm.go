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
	Doc("spotAVX2 is spot by vectors of 32 bytes, two at a time; it leaves the last 71 bytes or less to its caller.")
	base, length := Load(Param("text").Base(), GP64()), Load(Param("text").Len(), GP64())
	broadcast := func(c byte) VecVirtual {
		gp, x, v := GP32(), XMM(), YMM()
		MOVL(U32(uint32(c)), gp)
		// VMOVD, not MOVD: an instruction of the old encoding after one that wrote
		// the upper half of a vector costs Intel's processors a transition.
		VMOVD(gp, x)
		VPBROADCASTB(x, v)
		return v
	}
	colon, n, backslash, u, three := broadcast(':'), broadcast('n'), broadcast('\\'), broadcast('u'), broadcast('3')
	// Two letters in one comparison: what differs between them is set first.
	// "o" and "e" are taken with "g" and "m" then, "6" and "7" alone.
	oe, o := broadcast('o'^'e'), broadcast('o'|'e')
	sixSeven, seven := broadcast('6'^'7'), broadcast('7')

	// spots marks the places of a vector that begins at disp.
	spots := func(i GPVirtual, disp int) VecVirtual {
		load := func(offset int) VecVirtual {
			v := YMM()
			VMOVDQU(Mem{Base: base, Index: i, Scale: 1, Disp: disp + offset}, v)
			return v
		}
		at := func(offset int, c VecVirtual) VecVirtual {
			v := YMM()
			VPCMPEQB(Mem{Base: base, Index: i, Scale: 1, Disp: disp + offset}, c, v)
			return v
		}
		first, name, escape := load(0), YMM(), YMM()
		VPCMPEQB(first, colon, name)
		VPCMPEQB(first, backslash, escape)
		VPAND(at(2, n), name, name)
		VPAND(at(1, u), escape, escape)
		letter := load(7)
		VPOR(letter, oe, letter)
		VPCMPEQB(letter, o, letter)
		VPAND(letter, name, name)
		digit, is3 := load(4), YMM()
		VPCMPEQB(digit, three, is3)
		VPOR(digit, sixSeven, digit)
		VPCMPEQB(digit, seven, digit)
		VPOR(is3, digit, digit)
		VPAND(digit, escape, escape)
		VPOR(escape, name, name)
		return name
	}

	i := GP64()
	XORQ(i, i)
	// The furthest byte that is looked at is text[i+63+7].
	SUBQ(U8(2*width+7), length)

	Label("next")
	CMPQ(i, length)
	JG(LabelRef("none"))
	low, high, any := spots(i, 0), spots(i, width), YMM()
	VPOR(low, high, any)
	VPTEST(any, any)
	JNZ(LabelRef("found"))
	ADDQ(U8(2*width), i)
	JMP(LabelRef("next"))

	Label("found")
	mask, upper := GP64(), GP64()
	VPMOVMSKB(low, mask.As32())
	VPMOVMSKB(high, upper.As32())
	SHLQ(U8(width), upper)
	ORQ(upper, mask)
	bit := GP64()
	TZCNTQ(mask, bit)
	ADDQ(bit, i)
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
