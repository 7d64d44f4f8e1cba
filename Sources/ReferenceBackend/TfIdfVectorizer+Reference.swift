import GraphIR
import Tensors

extension TfIdfVectorizer: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let tokens = try arguments.required(Operand.tokens)
        guard tokens.rank == 1 || tokens.rank == 2 else {
            throw CleaveError(.shapeMismatch, "tokens have shape \(tokens.shape), expected one or two dimensions (rows, tokens)")
        }
        let values: [Double]
        switch pool {
        case .integers(let pool): values = try vectors(tokens.integers().map { Int($0) }, pool: pool, tokens.shape)
        case .strings(let pool):
            guard let strings = tokens.strings else {
                throw CleaveError(.typeMismatch, "tokens are \(tokens.elementType), expected strings")
            }
            values = try vectors(strings, pool: pool, tokens.shape)
        }
        return [try Tensor(values, shape: tokens.shape.dropLast() + [try outputLength()], as: .float32)]
    }

    private func vectors<Token: Hashable>(_ tokens: [Token], pool: [Token], _ shape: [Int]) throws -> [Double] {
        let table = try table(of: pool)
        let length = try outputLength()
        let rows = shape.count == 2 ? shape[0] : 1
        let rowLength = shape[shape.count - 1]
        var result = [Double](repeating: 0, count: try resultCount([rows, length]))
        for row in 0..<rows {
            try forEachNGram(in: tokens[row * rowLength..<(row + 1) * rowLength]) { gram in
                guard let number = table[gram] else { return }
                let index = row * length + places[number]
                let weight = Double(weights?[number] ?? 1)
                switch mode {
                case .frequency: result[index] += 1
                case .inverseFrequency: result[index] = weight
                case .both: result[index] += weight
                }
            }
        }
        return result
    }

    /// Every n-gram, from its first token on and with the same number of tokens skipped between all of its tokens.
    private func forEachNGram<Token>(in row: ArraySlice<Token>, _ body: ([Token]) throws -> Void) throws {
        for length in minimumLength...maximumLength {
            for stride in 1...(length == 1 ? 1 : min(maximumSkip, row.count) + 1) {
                let (span, overflow) = (length - 1).multipliedReportingOverflow(by: stride)
                guard !overflow, span < row.count else { break }
                for first in row.startIndex..<row.endIndex - span {
                    try body((0..<length).map { row[first + $0 * stride] })
                }
            }
        }
    }

    /// The number of every n-gram in the pool.
    private func table<Token: Hashable>(of pool: [Token]) throws -> [[Token]: Int] {
        _ = try outputLength()
        var table: [[Token]: Int] = [:]
        var number = 0
        for (index, start) in starts.enumerated() {
            let length = index + 1
            let end = index + 1 < starts.count ? starts[index + 1] : pool.count
            guard start >= 0, start <= end, end <= pool.count, (end - start).isMultiple(of: length) else {
                throw CleaveError(.invalidAttribute, "the \(length)-grams are tokens \(start) to \(end) of a pool of \(pool.count)")
            }
            for first in stride(from: start, to: end, by: length) {
                guard number < places.count else {
                    throw CleaveError(.invalidAttribute, "the pool has more n-grams than ngram_indexes, which has \(places.count) entries")
                }
                table[Array(pool[first..<first + length])] = number
                number += 1
            }
        }
        return table
    }
}
