import CLAPACK
import Tensors

/// A dense matrix of doubles in row-major order.
struct Matrix: Sendable {
    let rows: Int
    let columns: Int
    var elements: [Double]

    init(rows: Int, columns: Int, elements: [Double]) {
        precondition(elements.count == rows * columns, "a matrix has rows × columns elements")
        self.rows = rows
        self.columns = columns
        self.elements = elements
    }

    /// Larger eigenproblems would take gigabytes of memory and hours.
    static let largestOrder = 16_384

    static func checkOrder(_ order: Int) throws {
        guard order <= largestOrder else {
            throw CleaveError(
                .invalidRequest, "the weight needs a decomposition of order \(order), expected at most \(largestOrder)",
                suggestion: "initialize the layers at random")
        }
    }

    /// AᵀA or AAᵀ, whichever is smaller; only the upper triangle is filled.
    /// - Throws: `CleaveError` when even that is larger than `largestOrder`.
    func smallerGram() throws -> Matrix {
        let overColumns = columns <= rows
        let order = overColumns ? columns : rows
        try Self.checkOrder(order)
        let lapack = try Self.lapack()
        var gram = [Double](repeating: 0, count: order * order)
        if order > 0 {
            lapack.dsyrk(
                CblasRowMajor, CblasUpper, overColumns ? CblasTrans : CblasNoTrans, Int32(order),
                Int32(overColumns ? rows : columns), 1, elements, Int32(max(columns, 1)), 0, &gram, Int32(order))
        }
        return Matrix(rows: order, columns: order, elements: gram)
    }

    /// The product with `right`, transposed on request.
    /// - Throws: `CleaveError` when there is no LAPACK.
    func times(_ right: Matrix, transposed: Bool) throws -> Matrix {
        let width = transposed ? right.rows : right.columns
        precondition(columns == (transposed ? right.columns : right.rows), "inner dimensions agree")
        let lapack = try Self.lapack()
        var product = [Double](repeating: 0, count: rows * width)
        if rows > 0, width > 0, columns > 0 {
            lapack.dgemm(
                CblasRowMajor, CblasNoTrans, transposed ? CblasTrans : CblasNoTrans, Int32(rows), Int32(width),
                Int32(columns), 1, elements, Int32(columns), right.elements, Int32(right.columns), 0, &product, Int32(width))
        }
        return Matrix(rows: rows, columns: width, elements: product)
    }
}

/// The eigenvalues of a symmetric matrix, and as many of its leading eigenvectors as are asked for.
///
/// A = Q·T·Qᵀ with T tridiagonal (`dsytrd`); the eigenvalues are T's (`dsterf`), and the eigenvectors T's (`dstemr`, relatively
/// robust representations; `dstedc`, divide and conquer, should that fail) multiplied by Q (`dormtr`). To reduce once and take only
/// the leading vectors is nearly twice as fast as `dsyevr` for a third of them.
struct SymmetricEigenproblem: Sendable {
    let order: Int
    /// In decreasing order.
    let eigenvalues: [Double]
    private let reflectors: [Double]
    private let scales: [Double]
    private let diagonal: [Double]
    private let offDiagonal: [Double]

    /// - Parameter matrix: square; only its upper triangle is read.
    /// - Throws: `CleaveError` when LAPACK fails, or is not there.
    init(upperTriangleOf matrix: consuming Matrix) throws {
        precondition(matrix.rows == matrix.columns && matrix.rows > 0, "the matrix is square")
        let lapack = try Matrix.lapack()
        let order = matrix.rows
        // The upper triangle in row-major order is the lower one in the column-major order that LAPACK works in.
        var reflectors: [Double] = []
        swap(&reflectors, &matrix.elements)
        var diagonal = [Double](repeating: 0, count: order)
        var offDiagonal = [Double](repeating: 0, count: order)
        var scales = [Double](repeating: 0, count: order)
        let size = LapackInt(order)
        try Self.check(
            lapack.dsytrd(LAPACK_COL_MAJOR, Self.lower, size, &reflectors, size, &diagonal, &offDiagonal, &scales), "dsytrd")
        var eigenvalues = diagonal
        var destroyed = offDiagonal
        try Self.check(lapack.dsterf(size, &eigenvalues, &destroyed), "dsterf")
        self.order = order
        self.eigenvalues = eigenvalues.reversed()
        self.reflectors = reflectors
        self.scales = scales
        self.diagonal = diagonal
        self.offDiagonal = offDiagonal
    }

    /// The eigenvectors of the `count` largest eigenvalues as rows, in decreasing order of eigenvalue.
    func leadingEigenvectors(_ count: Int) throws -> Matrix {
        precondition((1...order).contains(count), "there are as many eigenvectors as rows")
        let lapack = try Matrix.lapack()
        var vectors = try leadingTridiagonalVectors(count, lapack)
        let size = LapackInt(order)
        try Self.check(
            lapack.dormtr(
                LAPACK_COL_MAJOR, CChar(UInt8(ascii: "L")), Self.lower, CChar(UInt8(ascii: "N")), size, LapackInt(count), reflectors, size,
                scales, &vectors, size),
            "dormtr")
        let descending = [Double](unsafeUninitializedCapacity: vectors.count) { buffer, initialized in
            for row in 0..<count {
                let source = (count - 1 - row) * order
                for column in 0..<order { buffer[row * order + column] = vectors[source + column] }
            }
            initialized = vectors.count
        }
        return Matrix(rows: count, columns: order, elements: descending)
    }

    /// Eigenvectors of the tridiagonal matrix, one after another, in increasing order of eigenvalue.
    private func leadingTridiagonalVectors(_ count: Int, _ lapack: cl_routines) throws -> [Double] {
        var (diagonal, offDiagonal) = (diagonal, offDiagonal)
        var vectors = [Double](repeating: 0, count: order * count)
        var found: LapackInt = 0
        var values = [Double](repeating: 0, count: order)
        var support = [LapackInt](repeating: 0, count: 2 * count)
        var seekAccuracy: LapackLogical = 1
        let size = LapackInt(order)
        let status = lapack.dstemr(
            LAPACK_COL_MAJOR, CChar(UInt8(ascii: "V")), CChar(UInt8(ascii: "I")), size, &diagonal, &offDiagonal, 0, 0,
            LapackInt(order - count + 1), size, &found, &values, &vectors, size, LapackInt(count), &support, &seekAccuracy)
        if status == 0, Int(found) == count { return vectors }

        (diagonal, offDiagonal) = (self.diagonal, self.offDiagonal)
        var all = [Double](repeating: 0, count: order * order)
        try Self.check(
            lapack.dstedc(LAPACK_COL_MAJOR, CChar(UInt8(ascii: "I")), size, &diagonal, &offDiagonal, &all, size), "dstedc")
        return Array(all.suffix(order * count))
    }

    private static let lower = CChar(UInt8(ascii: "L"))

    private static func check(_ status: LapackInt, _ routine: String) throws {
        guard status != 0 else { return }
        if status == LAPACK_WORK_MEMORY_ERROR || status == LAPACK_TRANSPOSE_MEMORY_ERROR {
            throw CleaveError(.invalidRequest, "LAPACK's \(routine) found no memory for its workspace")
        }
        throw CleaveError(
            .invalidNumbers, "LAPACK's \(routine) gave up with status \(status), expected it to converge",
            suggestion: "check the weight for numbers of absurd size")
    }
}
