import Foundation
import Testing

@testable import Tensors

@Suite struct TensorTests {
    @Test func countsBytesOfEveryType() {
        let expected: [ElementType: Int] = [
            .int2: 2, .uint2: 2, .int4: 3, .uint4: 3, .float4e2m1: 3, .bool: 5, .int8: 5, .uint8: 5, .float8e4m3fn: 5,
            .float8e4m3fnuz: 5, .float8e5m2: 5, .float8e5m2fnuz: 5, .float8e8m0: 5, .float16: 10, .bfloat16: 10, .int16: 10,
            .uint16: 10, .float32: 20, .int32: 20, .uint32: 20, .float64: 40, .int64: 40, .uint64: 40, .complex64: 40,
            .complex128: 80,
        ]
        for type in ElementType.allCases { #expect(type.byteCount(elements: 5) == expected[type], "\(type)") }
        #expect(ElementType.float64.byteCount(elements: .max) == nil)
        #expect(ElementType.uint8.byteCount(elements: -1) == nil)
    }

    @Test func knowsIntegerRanges() {
        #expect(ElementType.int2.integerRange == -2...1)
        #expect(ElementType.uint4.integerRange == 0...15)
        #expect(ElementType.int8.integerRange == -128...127)
        #expect(ElementType.uint32.integerRange == 0...4_294_967_295)
        #expect(ElementType.int64.integerRange == Int64.min...Int64.max)
        #expect(ElementType.float16.integerRange == nil)
        #expect(ElementType.bool.integerRange == nil)
    }

    @Test func numbersAreThoseOfONNX() {
        #expect(ElementType.allCases.map(\.rawValue) == Array(1...26))
        #expect(ElementType.float8e8m0.rawValue == 24)
    }

    @Test func refusesShapesThatDoNotFit() {
        let storage = TensorStorage(byteCount: 16) { _ in }
        expectError(.malformedTensor, containing: "needs 20 bytes, but 16") {
            try Tensor(shape: [5], elementType: .float32, storage: storage)
        }
        expectError(.malformedTensor, containing: "but 13 are there") {
            try Tensor(shape: [4], elementType: .float32, storage: storage, offset: 3)
        }
        expectError(.malformedTensor, containing: "negative") { try Tensor.elementCount(of: [3, -1]) }
        expectError(.malformedTensor, containing: "memory") { try Tensor.elementCount(of: [1 << 40, 1 << 40]) }
        expectError(.malformedTensor, containing: "memory") { try Tensor.elementCount(of: [0, 1 << 40, 1 << 40]) }
        expectError(.malformedTensor, containing: "needs 2.20 TB, but at most") { try Tensor.allocatableCount(of: [1 << 41], .uint8) }
        expectError(.malformedTensor, containing: "needs more than 9.22 EB") { try Tensor.allocatableCount(of: [1 << 61], .float64) }
        expectError(.malformedTensor, containing: "6 elements, but 5") { try Tensor([1, 2, 3, 4, 5] as [Float], shape: [2, 3]) }
        expectError(.malformedTensor, containing: "does not have 2") { try Tensor([1.0, 2], shape: [1], as: .bfloat16) }
        expectError(.malformedTensor, containing: "does not have 2") { try Tensor([1, 2] as [Int64], shape: [1], as: .int4) }
        expectError(.malformedTensor, containing: "2 elements, but 1") { try Tensor(shape: [2], strings: [[1]]) }
        #expect(throws: Never.self) { try Tensor.elementCount(of: [0, 1 << 40]) }
    }

    @Test func readsUnalignedElements() throws {
        let storage = [0, 1, 2, 3, 4, 5, 6, 7, 8].map { UInt8($0) }.withUnsafeBytes { TensorStorage(copying: $0) }
        let tensor = try Tensor(shape: [2], elementType: .int32, storage: storage, offset: 1)
        #expect(try tensor.elements(as: Int32.self) == [0x0403_0201, 0x0807_0605])
        expectError(.typeMismatch, containing: "not int32") { try tensor.elements(as: Float.self) }
    }

    @Test func convertsNumbers() throws {
        let values = [-300.7, -1.5, -0.5, 0, 0.5, 1.5, 300.7, .nan, .infinity]
        func converted(_ type: ElementType) throws -> [Int64]? { try Tensor(values, shape: [9], as: type).int64s() }
        #expect(try converted(.int8) == [-128, -1, 0, 0, 0, 1, 127, 0, 127])
        #expect(try converted(.uint8) == [0, 0, 0, 0, 0, 1, 255, 0, 255])
        #expect(try converted(.int4) == [-8, -1, 0, 0, 0, 1, 7, 0, 7])
        #expect(try converted(.uint2) == [0, 0, 0, 0, 0, 1, 3, 0, 3])
        #expect(try converted(.bool) == [1, 1, 1, 0, 1, 1, 1, 1, 1])
        #expect(try converted(.uint64) == [0, 0, 0, 0, 0, 1, 300, 0, -1])
        #expect(try Tensor([255, -1, 256] as [Int64], shape: [3], as: .int8).int64s() == [-1, -1, 0])
        #expect(try Tensor([5, -1] as [Int64], shape: [2], as: .float16).doubles() == [5, -1])
        #expect(try Tensor([UInt64.max], shape: []).doubles() == [0x1p64])
        expectError(.typeMismatch, containing: "string") { try Tensor([1.0], shape: [1], as: .string) }
        #expect(try Tensor(repeating: 2, shape: [2, 2], as: .int16).int64s() == [2, 2, 2, 2])
    }

    @Test(arguments: [ElementType.int2, .uint2, .int4, .uint4, .float4e2m1, .int8, .bool, .float8e5m2])
    func packsCodes(type: ElementType) throws {
        let codes = (0..<13).map { UInt8($0 % (1 << min(type.bitWidth, 4))) }
        let tensor = try Tensor(codes: codes, shape: [13], as: type)
        #expect(tensor.byteCount == type.byteCount(elements: 13))
        #expect(tensor.codes() == codes)
        if let integers = tensor.int64s() { #expect(try Tensor(integers, shape: [13], as: type).codes().count == 13) }
        expectError(.typeMismatch, containing: "byte") { try Tensor(codes: codes, shape: [13], as: .float16) }
    }

    @Test func signExtendsNarrowIntegers() throws {
        #expect(try Tensor(codes: [0, 1, 2, 3], shape: [4], as: .int2).int64s() == [0, 1, -2, -1])
        #expect(try Tensor(codes: [0, 7, 8, 15], shape: [4], as: .int4).int64s() == [0, 7, -8, -1])
        #expect(try Tensor(codes: [0, 7, 8, 15], shape: [4], as: .uint4).int64s() == [0, 7, 8, 15])
        #expect(try Tensor(codes: [0x21, 0x43], shape: [2], as: .int4).withUnsafeBytes { Array($0) } == [0x31])
    }

    @Test func isIdenticalByBytes() throws {
        let zeros = try Tensor([0, -0.0] as [Float], shape: [2])
        #expect(zeros == zeros)
        #expect(zeros != (try Tensor([0, 0] as [Float], shape: [2])))
        #expect(zeros != (try zeros.reshaped([2, 1])))
        let nan = Tensor(vector: [Float.nan])
        #expect(nan == Tensor(vector: [Float.nan]))
        #expect(try Tensor(shape: [1], strings: [[1]]) != Tensor(shape: [1], strings: [[2]]))
        let empty = try Tensor([Float](), shape: [0])
        #expect(empty == (try Tensor([Float](), shape: [0])))
        expectError(.shapeMismatch, containing: "cannot reshape [2]") { try zeros.reshaped([3]) }
    }

    @Test func sharesBytesAndReleasesThemOnce() throws {
        final class Counter: @unchecked Sendable { var count = 0 }
        let counter = Counter()
        do {
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
            memory.initializeMemory(as: UInt8.self, repeating: 1)
            let storage = TensorStorage(takingOver: UnsafeRawBufferPointer(memory)) {
                counter.count += 1
                $0.baseAddress?.deallocate()
            }
            let tensor = try Tensor(shape: [8], elementType: .uint8, storage: storage)
            let copy = try tensor.reshaped([2, 4])
            #expect(tensor.withUnsafeBytes { $0.baseAddress } == copy.withUnsafeBytes { $0.baseAddress })
            #expect(counter.count == 0)
        }
        #expect(counter.count == 1)
    }
}

@Suite struct SeededRandomTests {
    @Test func isSplitMix64() {
        var random = SeededRandom(seed: 1_234_567)
        let expected: [UInt64] = [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ]
        #expect((0..<5).map { _ in random.next() } == expected)
    }

    @Test func isUniformAndNormal() {
        var random = SeededRandom(seed: 7)
        let uniform = (0..<20_000).map { _ in random.uniform(-1, 3) }
        #expect(uniform.allSatisfy { $0 >= -1 && $0 < 3 })
        #expect(abs(uniform.reduce(0, +) / 20_000 - 1) < 0.03)
        let normal = (0..<20_000).map { _ in random.normal() }
        #expect(abs(normal.reduce(0, +) / 20_000) < 0.03)
        #expect(abs(normal.map { $0 * $0 }.reduce(0, +) / 20_000 - 1) < 0.05)
    }

    @Test func streamsDiffer() {
        var numbers: Set<UInt64> = []
        for stream in 0..<100 as Range<UInt64> {
            var random = SeededRandom(seed: 1, stream: stream)
            numbers.insert(random.next())
        }
        #expect(numbers.count == 100)
    }
}
