import GraphIR
import Testing

@Suite struct DimensionTests {
    private let n = Dimension.named("N")
    private let h = Dimension.named("H")

    @Test func lengthsThatGrowWithEveryStepBecomeUnknown() {
        var length = Dimension.named("N")
        for _ in 0..<40 { length = length.dividedFlooring(by: 2) + length.dividedFlooring(by: 3) }
        #expect(length == .unknown)
        var power = Dimension.named("a") + .named("b") + .named("c") + .named("d")
        for _ in 0..<6 { power = power * power }
        #expect(power == .unknown)
    }

    @Test func polynomialsHaveANormalForm() {
        #expect(n + h == h + n)
        #expect((n + 1) * (n - 1) == n * n - 1)
        #expect(n - n == 0)
        #expect((n * 2 + h).description == "H + 2*N")
        #expect((3 - n).description == "-N + 3")
        #expect((n * h * 64).description == "64*H*N")
        #expect(0 * Dimension.unknown == 0)
        #expect(n * .unknown == .unknown)
        #expect(n + .unknown == .unknown)
    }

    @Test func quotientsHaveANormalForm() {
        #expect((h - 1).dividedFlooring(by: 2) + 1 == (h + 1).dividedFlooring(by: 2))
        #expect((h - 1).dividedFlooring(by: 2).description == "floor((H + 1)/2) - 1")
        #expect(h.dividedCeiling(by: 2) == (h + 1).dividedFlooring(by: 2))
        #expect((n * 64 + 7).dividedFlooring(by: 8) == n * 8)
        #expect((h * 2 + 2).dividedFlooring(by: 4) == (h + 1).dividedFlooring(by: 2))
        let twice = h.dividedCeiling(by: 2).dividedCeiling(by: 2)
        #expect(twice == h.dividedCeiling(by: 4))
        #expect(twice.description == "floor((H + 3)/4)")
        #expect(((h - 3).dividedFlooring(by: 2) + 1 - 3).dividedFlooring(by: 2) == (h - 7).dividedFlooring(by: 4))
        #expect(n.dividedFlooring(by: 0) == .unknown)
        #expect(n.dividedFlooring(by: h).description == "floor(N/H)")
        #expect((n * h).dividedFlooring(by: h) == n)
    }

    /// The normal form means the same numbers, also where quotients are negative.
    @Test func quotientsMeanTheSameNumbers() {
        for divisor in [1, 2, 3, 5, -2] {
            for offset in -7...7 {
                let once = (h * 3 + .known(offset)).dividedFlooring(by: .known(divisor))
                let twice = (once + .known(offset)).dividedFlooring(by: 3)
                for length in 0...12 {
                    let expected = floored(length * 3 + offset, divisor)
                    #expect(once.substituting(["H": length]) == .known(expected))
                    #expect(twice.substituting(["H": length]) == .known(floored(expected + offset, 3)))
                }
            }
        }
    }

    private func floored(_ dividend: Int, _ divisor: Int) -> Int {
        let (quotient, remainder) = dividend.quotientAndRemainder(dividingBy: divisor)
        return remainder != 0 && (remainder < 0) != (divisor < 0) ? quotient - 1 : quotient
    }

    @Test func divisionIsExactOrNothing() {
        #expect((n * 64).divided(exactlyBy: 16) == n * 4)
        #expect((n * h * 6).divided(exactlyBy: n * 2) == h * 3)
        #expect((n * 64).divided(exactlyBy: 48) == nil)
        #expect((n + h).divided(exactlyBy: n) == nil)
        #expect((n + 1).divided(exactlyBy: n + 1) == 1)
        #expect(n.divided(exactlyBy: 0) == nil)
        #expect(Dimension.unknown.divided(exactlyBy: 1) == nil)
    }

    @Test func whatDoesNotFitIsUnknown() {
        let largest = Dimension.known(.max)
        #expect(largest + 1 == .unknown)
        #expect(largest * 2 == .unknown)
        #expect(largest * n + largest * n == .unknown)
        #expect((largest * n) * 2 == .unknown)
        #expect(Dimension.known(.min).dividedFlooring(by: -1) == .unknown)
        #expect(Dimension.known(-7).dividedFlooring(by: 2) == -4)
        #expect(n.substituting(["N": .max]) * 2 == .unknown)
    }

    @Test func boundsAndDifferences() {
        #expect((n * 2 + 3).lowerBound == 3)
        #expect((n - 1).lowerBound == -1)
        #expect((3 - n).lowerBound == nil)
        #expect(Dimension.unknown.lowerBound == nil)
        #expect(n.isCertainlyDifferent(from: n + 1))
        #expect(n.isCertainlyDifferent(from: -1))
        #expect(!n.isCertainlyDifferent(from: h))
        #expect(!n.isCertainlyDifferent(from: 0))
        #expect(!n.isCertainlyDifferent(from: .unknown))
        #expect(h.dividedCeiling(by: 2).lowerBound == 0)
    }

    @Test func substitutionReachesQuotients() {
        let length = (h - 1).dividedFlooring(by: 2) * n
        #expect(length.substituting(["H": 8]) == n * 3)
        #expect(length.substituting(["H": 8, "N": 5]) == 15)
        #expect(length.substituting(["X": 1]) == length)
    }
}
