import Foundation

/// How far tensors are from the expected ones: one pair, or several pairs as if they were parts of one tensor.
///
/// The error of an element a against the expected b is |a − b|. NaN equals NaN, and an infinity equals itself; where only
/// one of the two is NaN, or an infinity meets anything else, the error is infinite. Strings have no error or an infinite one;
/// a complex number counts as two elements.
public struct TensorComparison: Hashable, Sendable {
    /// An element counts as equal when |a − b| ≤ absolute + relative·|b|, as in NumPy's `allclose`.
    public struct Tolerance: Hashable, Sendable {
        public var absolute: Double
        public var relative: Double
        /// Added to `absolute`: this share of the largest finite magnitude in the expected tensor of the pair, so that elements
        /// near zero are judged by the tensor that they are part of.
        public var shareOfLargest: Double

        public init(absolute: Double, relative: Double, shareOfLargest: Double = 0) {
            self.absolute = absolute
            self.relative = relative
            self.shareOfLargest = shareOfLargest
        }

        /// Nothing but the same number.
        public static let none = Tolerance(absolute: 0, relative: 0)
    }

    /// Why a pair cannot be compared element by element.
    public enum Mismatch: Hashable, Sendable {
        case missing
        case unexpected
        case elementType(ElementType, expected: ElementType)
        case shape([Int], expected: [Int])
    }

    /// The element with the largest error in units of what the tolerance allows; the first of several.
    public struct WorstElement: Hashable, Sendable {
        /// Which pair, counted from 0.
        public var pair: Int
        /// One index per dimension.
        public var index: [Int]
        /// NaN for strings.
        public var actual: Double
        public var expected: Double
    }

    public let tolerance: Tolerance
    public private(set) var pairCount = 0
    public private(set) var elementCount = 0
    /// What is wrong with the first pair that could not be compared.
    public private(set) var mismatch: Mismatch?
    /// Whether all pairs have the same bytes.
    public private(set) var isBitExact = true
    /// max |a − b|
    public private(set) var maximumAbsoluteError = 0.0
    /// max |a − b| / (|b| + absolute/relative tolerance): at most the relative tolerance exactly when all elements are within
    /// the tolerance. Without a relative tolerance max |a − b| / |b|.
    public private(set) var maximumRelativeError = 0.0
    /// Elements whose error is beyond the tolerance.
    public private(set) var exceedingCount = 0
    /// `nil` while no element differs at all.
    public private(set) var worst: WorstElement?
    /// The smallest and the largest absolute tolerance of the pairs so far; they differ where it follows from the expected tensor.
    public private(set) var absoluteTolerances: ClosedRange<Double>?
    /// The extent of the expected numbers so far; `nil` when there was none but NaN.
    public private(set) var expectedRange: ClosedRange<Double>?
    /// Expected elements so far that are NaN.
    public private(set) var expectedNaNCount = 0

    private var worstExcess = 0.0
    /// The absolute tolerance for the pair that is being added.
    private var absoluteTolerance = 0.0
    /// Σ b², Σ (a − b)², Σ a² and Σ a·b over the elements that are finite in both.
    private var signal = 0.0
    private var noise = 0.0
    private var power = 0.0
    private var product = 0.0
    private var rowCount = 0
    private var agreeingRowCount = 0

    /// A comparison of nothing yet.
    public init(tolerance: Tolerance) { self.tolerance = tolerance }

    /// The comparison of a single pair; `nil` stands for a tensor that is not there.
    public init(_ actual: Tensor?, expected: Tensor?, tolerance: Tolerance) {
        self.init(tolerance: tolerance)
        add(actual, expected: expected)
    }

    /// Whether there was something to compare, all of it could be compared, and all elements are within the tolerance.
    public var isEqual: Bool { pairCount > 0 && mismatch == nil && exceedingCount == 0 }

    /// 10·log₁₀(Σ b² / Σ (a − b)²) in dB: infinite without any error, −∞ with an infinite one.
    public var signalToNoise: Double {
        if maximumAbsoluteError == .infinity { return -.infinity }
        return noise == 0 ? .infinity : 10 * log10(signal / noise)
    }

    /// Σ a·b / √(Σ a²·Σ b²), from −1 to 1; 1 when both are zero everywhere, 0 when only one is, NaN with an infinite error.
    public var cosineSimilarity: Double {
        if maximumAbsoluteError == .infinity { return .nan }
        if signal == 0 && power == 0 { return 1 }
        guard signal > 0, power > 0 else { return 0 }
        let cosine = product / (signal.squareRoot() * power.squareRoot())
        return cosine.isNaN ? cosine : min(max(cosine, -1), 1)
    }

    /// Whether the expected tensors say nothing about the function that made them: several elements, all of them the same number,
    /// or all of them NaN.
    public var isUninformative: Bool {
        if let range = expectedRange { return elementCount > 1 && expectedNaNCount == 0 && range.lowerBound == range.upperBound }
        return expectedNaNCount > 0
    }

    /// The share of rows whose largest element is at the same place. Rows run along dimension 1 (the classes of
    /// [batch, classes, …]), or along the only dimension of a vector. The first of equal elements counts, and NaN is
    /// larger than any number. `nil` when no row has anything to choose from.
    public var argMaxAgreement: Double? { rowCount == 0 ? nil : Double(agreeingRowCount) / Double(rowCount) }

    /// Takes in one more pair; `nil` stands for a tensor that is not there.
    public mutating func add(_ actual: Tensor?, expected: Tensor?) {
        defer { pairCount += 1 }
        guard let actual, let expected else { return refuse(actual == nil ? .missing : .unexpected) }
        guard actual.elementType == expected.elementType else {
            return refuse(.elementType(actual.elementType, expected: expected.elementType))
        }
        guard actual.shape == expected.shape else { return refuse(.shape(actual.shape, expected: expected.shape)) }
        if !actual.isIdentical(to: expected) { isBitExact = false }
        absoluteTolerance = tolerance.absolute
        elementCount += expected.count
        switch expected.elementType {
        case .float32: compare(actual, expected, as: Float.self, { Double($0) }, distance: { abs(Double($0) - Double($1)) })
        case .float64: compare(actual, expected, as: Double.self, { $0 }, distance: { abs($0 - $1) })
        case .float16: compare(actual, expected, as: Float16.self, { Double($0) }, distance: { abs(Double($0) - Double($1)) })
        case .int64:
            // The distance of two Int64 fits a UInt64 only.
            compare(
                actual, expected, as: Int64.self, { Double($0) },
                distance: { Double(UInt64(bitPattern: max($0, $1) &- min($0, $1))) })
        case .uint64:
            compare(actual, expected, as: UInt64.self, { Double($0) }, distance: { Double(max($0, $1) - min($0, $1)) })
        case .string: compareStrings(actual, expected)
        case .complex64: compareComplex(actual, expected, component: .float32)
        case .complex128: compareComplex(actual, expected, component: .float64)
        case .bfloat16, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0, .float4e2m1,
            .int2, .int4, .int8, .int16, .int32, .uint2, .uint4, .uint8, .uint16, .uint32, .bool:
            guard let values = actual.doubles(), let wanted = expected.doubles() else { return }
            values.withUnsafeBufferPointer { values in
                wanted.withUnsafeBufferPointer { compare(values, $0, shape: expected.shape, { $0 }, distance: { abs($0 - $1) }) }
            }
        }
    }

    private mutating func refuse(_ reason: Mismatch) {
        isBitExact = false
        if mismatch == nil { mismatch = reason }
    }
}

// MARK: - Elements

extension TensorComparison {
    @inline(__always)
    private mutating func compare<Element: TensorElement>(
        _ actual: Tensor, _ expected: Tensor, as type: Element.Type, _ real: (Element) -> Double,
        distance: (Element, Element) -> Double
    ) {
        // The types were checked, so the accesses cannot throw.
        try? actual.withElements(of: type) { values in
            try expected.withElements(of: type) { wanted in
                compare(values, wanted, shape: expected.shape, real, distance: distance)
            }
        }
    }

    /// The largest finite magnitude, but no more than 1000 times the median of those that are not zero: a sentinel such as
    /// −10⁹ among ordinary numbers must not make every other difference small.
    @inline(__always)
    private static func typicalLargest<Element>(_ elements: UnsafeBufferPointer<Element>, _ real: (Element) -> Double) -> Double {
        // Counts by binary exponent; the smallest one, of subnormal numbers, is −1074.
        var counts = [Int](repeating: 0, count: 1074 + 1024)
        var largest = 0.0
        var total = 0
        for element in elements {
            let magnitude = abs(real(element))
            guard magnitude.isFinite, magnitude > 0 else { continue }
            largest = max(largest, magnitude)
            counts[Int(magnitude.exponent) + 1074] += 1
            total += 1
        }
        guard total > 0 else { return 0 }
        var below = 0
        for (index, count) in counts.enumerated() {
            below += count
            if 2 * below >= total { return min(largest, 1000 * Double(sign: .plus, exponent: min(index - 1073, 1023), significand: 1)) }
        }
        return largest
    }

    /// Goes through the tensors once, in blocks that hold whole rows of classes.
    @inline(__always)
    private mutating func compare<Element>(
        _ actual: UnsafeBufferPointer<Element>, _ expected: UnsafeBufferPointer<Element>, shape: [Int],
        _ real: (Element) -> Double, distance: (Element, Element) -> Double
    ) {
        guard !expected.isEmpty else { return }
        if tolerance.shareOfLargest > 0 {
            absoluteTolerance += tolerance.shareOfLargest * Self.typicalLargest(expected, real)
        }
        noteTolerance()
        let classAxis = shape.count > 1 ? 1 : 0
        let classes = shape.isEmpty ? 1 : shape[classAxis]
        let inner = shape.dropFirst(classAxis + 1).reduce(1, *)
        for block in 0..<(expected.count / (classes * inner)) {
            let begin = block * classes * inner
            for offset in begin..<(begin + classes * inner) {
                let (value, wanted) = (actual[offset], expected[offset])
                record(real(value), expected: real(wanted), distance: distance(value, wanted), offset: offset, shape: shape)
            }
            guard classes > 1 else { continue }
            for column in begin..<(begin + inner) {
                rowCount += 1
                let places = stride(from: column, to: column + classes * inner, by: inner)
                let chosen = Self.argMax(places) { real(actual[$0]) }
                let wanted = Self.argMax(places) { real(expected[$0]) }
                if chosen == wanted { agreeingRowCount += 1 }
            }
        }
    }

    private mutating func noteTolerance() {
        guard absoluteTolerance.isFinite else { return }
        let known = absoluteTolerances ?? absoluteTolerance...absoluteTolerance
        absoluteTolerances = min(known.lowerBound, absoluteTolerance)...max(known.upperBound, absoluteTolerance)
    }

    @inline(__always)
    private mutating func noteExpected(_ number: Double) {
        guard !number.isNaN else { return expectedNaNCount += 1 }
        guard let range = expectedRange else { return expectedRange = number...number }
        if number < range.lowerBound { expectedRange = number...range.upperBound }
        if number > range.upperBound { expectedRange = range.lowerBound...number }
    }

    /// - Parameter distance: |a − b|, exact also where both do not fit a `Double`; not looked at unless both are finite.
    @inline(__always)
    private mutating func record(_ actual: Double, expected: Double, distance: Double, offset: Int, shape: [Int]) {
        noteExpected(expected)
        if actual.isFinite && expected.isFinite {
            signal += expected * expected
            power += actual * actual
            product += actual * expected
            noise += distance * distance
            if distance == 0 { return }
        } else if actual == expected || (actual.isNaN && expected.isNaN) {
            return
        }
        recordError(
            actual.isFinite && expected.isFinite ? distance : .infinity, actual: actual, expected: expected, offset: offset,
            shape: shape)
    }

    private mutating func recordError(_ error: Double, actual: Double, expected: Double, offset: Int, shape: [Int]) {
        let allowed = absoluteTolerance + tolerance.relative * abs(expected)
        // In units of what is allowed: at most 1 when the element counts as equal.
        let excess = allowed.isFinite && allowed > 0 ? error / allowed : .infinity
        let floor = tolerance.relative > 0 ? absoluteTolerance / tolerance.relative : 0
        let scale = abs(expected) + floor
        maximumAbsoluteError = max(maximumAbsoluteError, error)
        maximumRelativeError = max(maximumRelativeError, error.isFinite && scale > 0 ? error / scale : .infinity)
        if excess > 1 { exceedingCount += 1 }
        if worst == nil || excess > worstExcess {
            worstExcess = excess
            worst = WorstElement(pair: pairCount, index: Self.index(of: offset, in: shape), actual: actual, expected: expected)
        }
    }

    private mutating func compareStrings(_ actual: Tensor, _ expected: Tensor) {
        guard let values = actual.strings, let wanted = expected.strings else { return }
        noteTolerance()
        for offset in wanted.indices where values[offset] != wanted[offset] {
            recordError(.infinity, actual: .nan, expected: .nan, offset: offset, shape: expected.shape)
        }
    }

    /// Real and imaginary parts, as a tensor with one more dimension.
    private mutating func compareComplex(_ actual: Tensor, _ expected: Tensor, component: ElementType) {
        func parts(_ tensor: Tensor) -> [Double]? {
            guard case .bytes(let storage, let offset) = tensor.contents else { return nil }
            return try? Tensor(shape: tensor.shape + [2], elementType: component, storage: storage, offset: offset).doubles()
        }
        guard let values = parts(actual), let wanted = parts(expected) else { return }
        noteTolerance()
        for offset in wanted.indices {
            record(
                values[offset], expected: wanted[offset], distance: abs(values[offset] - wanted[offset]), offset: offset,
                shape: expected.shape + [2])
        }
        if worst?.pair == pairCount { worst?.index.removeLast() }
    }

    /// The place of the largest of the elements at `places`.
    @inline(__always)
    private static func argMax(_ places: StrideTo<Int>, _ value: (Int) -> Double) -> Int {
        var best = -1
        var largest = 0.0
        for place in places {
            let candidate = value(place)
            if best < 0 || candidate > largest || (candidate.isNaN && !largest.isNaN) { (best, largest) = (place, candidate) }
        }
        return best
    }

    private static func index(of offset: Int, in shape: [Int]) -> [Int] {
        var index = [Int](repeating: 0, count: shape.count)
        var rest = offset
        for axis in shape.indices.reversed() {
            index[axis] = rest % shape[axis]
            rest /= shape[axis]
        }
        return index
    }
}

extension TensorComparison.Mismatch: CustomStringConvertible {
    /// "shape [1, 10], expected [1, 1000]"
    public var description: String {
        switch self {
        case .missing: "the tensor is missing"
        case .unexpected: "the tensor is not expected"
        case .elementType(let actual, let expected): "element type \(actual), expected \(expected)"
        case .shape(let actual, let expected): "shape \(actual), expected \(expected)"
        }
    }
}
