import GraphIR
import Tensors
import Testing

@Suite struct WindowTests {
    private let h = Dimension.named("H")

    @Test func refusesPadsThatNoIntegerHoldsTheMagnitudeOf() {
        #expect(throws: CleaveError.self) { try window(3, stride: 1, .explicit(begin: [.min], end: [0])).resolved(kernel: [3]) }
    }

    private func window(_ kernel: Int, stride: Int, dilation: Int = 1, _ padding: Window.Padding) -> Window {
        Window(kernel: [kernel], strides: [stride], dilations: [dilation], padding: padding)
    }

    /// Window positions counted one by one: those that start inside the padded input and fit; with `ceilMode` also the one that
    /// sticks out, unless it starts in the end padding.
    private func counted(_ window: Window, length: Int, ceilMode: Bool) -> Int {
        let (begin, end) = window.pads(0, length: length)
        let padded = begin + length + end
        guard padded >= window.extent(0) else { return 0 }
        var positions = 0
        var start = 0
        while start + window.extent(0) <= padded {
            positions += 1
            start += window.strides[0]
        }
        let coveredAll = start - window.strides[0] + window.extent(0) >= padded
        return ceilMode && !coveredAll && start < begin + length ? positions + 1 : positions
    }

    @Test(arguments: [false, true])
    func lengthsAreThoseOfCounting(ceilMode: Bool) throws {
        for kernel in 1...4 {
            for stride in 1...4 {
                for dilation in 1...2 {
                    for (begin, end) in [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 2)] {
                        let window = window(kernel, stride: stride, dilation: dilation, .explicit(begin: [begin], end: [end]))
                        guard begin < window.extent(0), end < window.extent(0) else { continue }
                        let symbolic = try window.outputDimension(0, length: h, ceilMode: ceilMode)
                        for length in 1...9 {
                            let expected = counted(window, length: length, ceilMode: ceilMode)
                            #expect(window.outputLength(0, length: length, ceilMode: ceilMode) == expected)
                            if expected > 0 { #expect(symbolic.substituting(["H": length]) == .known(expected)) }
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: [Window.Padding.sameUpper, .sameLower])
    func samePaddingMakesCeilOfTheQuotient(padding: Window.Padding) throws {
        for kernel in 1...4 {
            for stride in 1...4 {
                let window = window(kernel, stride: stride, padding)
                for length in 1...9 {
                    let (begin, end) = window.pads(0, length: length)
                    #expect(window.outputLength(0, length: length, ceilMode: false) == (length + stride - 1) / stride)
                    #expect(abs(begin - end) <= 1)
                    #expect(padding == .sameUpper ? begin <= end : end <= begin)
                }
            }
        }
        #expect(try window(3, stride: 2, padding).outputDimension(0, length: h, ceilMode: false).description == "floor((H + 1)/2)")
    }

    @Test func aWindowThatDoesNotFitIsAnError() {
        #expect(throws: CleaveError(.shapeMismatch, "the window covers 5 elements of spatial dimension 0, which has 2 and padding 1 + 1")) {
            try window(3, stride: 1, dilation: 2, .explicit(begin: [1], end: [1])).outputDimension(0, length: 2, ceilMode: false)
        }
        #expect(throws: CleaveError(.shapeMismatch, "the window covers 7 elements of spatial dimension 0, which has 3")) {
            try window(7, stride: 1, .valid).outputDimension(0, length: 3, ceilMode: true)
        }
    }

    @Test func resolvingChecksEveryArray() {
        func problem(_ window: Window, kernel: [Int]?) -> String? {
            do {
                _ = try window.resolved(kernel: kernel)
                return nil
            } catch {
                return (error as? CleaveError)?.problem
            }
        }
        let pool = Window(kernel: [2, 2], strides: [2], dilations: [], padding: .valid)
        #expect(problem(pool, kernel: nil) == "strides has 1 entries, expected 2, one per spatial dimension")
        #expect(problem(Window(kernel: [3, 3], strides: [], dilations: [], padding: .valid), kernel: [3, 1])
            == "kernel_shape is [3, 3], but the weight's kernel is [3, 1]")
        #expect(problem(Window(kernel: [2], strides: [0], dilations: [], padding: .valid), kernel: nil)
            == "strides is [0], expected numbers from 1 to 2147483647")
        #expect(problem(Window(kernel: [2], strides: [], dilations: [], padding: .explicit(begin: [1, 1], end: [1, 1])), kernel: nil)
            == "pads has 4 entries, expected 2")
    }

    @Test func absurdLengthsDoNotTrap() throws {
        let window = window(3, stride: 2, .explicit(begin: [1], end: [1]))
        #expect(window.outputLength(0, length: .max, ceilMode: true) == 0)
        #expect(try window.outputDimension(0, length: .known(.max), ceilMode: false) == .unknown)
        #expect(self.window(3, stride: 2, .sameUpper).pads(0, length: .max) == (1, 1))
    }
}
