import Tensors

/// The singular values of a matrix M, and its best approximations of any rank.
///
/// M itself is not kept: of several spectra, only the one that is chosen needs it again.
///
/// With V the eigenvectors of MᵀM, the product (M·V_K)·V_Kᵀ is the truncated singular value decomposition of rank K, and no
/// division by small singular values occurs in it: at full rank it is M up to the orthogonality of V, some 1e-14, however badly M
/// is conditioned. The Gram matrix of the smaller side is decomposed, which takes half the time of `dgesdd` for all vectors and a
/// quarter for a third of them.
///
/// Directions with σ_k below √ε·σ_1, 1.5e-8·σ_1, are not told apart in MᵀM: a truncated product may be that much worse than
/// the best one, less than rounding the factors to float32 costs.
struct SingularSpectrum: Sendable {
    private let rows: Int
    private let columns: Int
    private let gram: SymmetricEigenproblem
    /// The squared singular values in decreasing order.
    private let energies: [Double]
    /// Entry K is Σ_{k>K} of `energies`, summed from the smallest on.
    private let tails: [Double]

    /// - Parameter matrix: finite numbers whose squares neither overflow nor vanish; at least one row and one column.
    /// - Throws: `CleaveError` when LAPACK fails or the matrix is too large.
    init(_ matrix: consuming Matrix) throws {
        (rows, columns) = (matrix.rows, matrix.columns)
        let product = try matrix.smallerGram()
        _ = consume matrix
        gram = try SymmetricEigenproblem(upperTriangleOf: product)
        energies = gram.eigenvalues.map { max($0, 0) }
        tails = energies.reversed().reduce(into: [0]) { $0.append(($0.last ?? 0) + $1) }.reversed()
    }

    /// The number of singular values: the rank at which the approximation is exact.
    var fullRank: Int { energies.count }

    /// The singular values in decreasing order.
    var singularValues: [Double] { energies.map { $0.squareRoot() } }

    /// Σ_{k>rank} σ_k², the squared error of the best approximation of rank `rank`.
    func tailEnergy(rank: Int) -> Double { tails[min(rank, fullRank)] }

    /// The share of Σσ² that the leading `rank` singular values hold; 1 for a matrix of zeros.
    func keptShare(rank: Int) -> Double { tails[0] > 0 ? 1 - tailEnergy(rank: rank) / tails[0] : 1 }

    /// The best approximation of rank `rank` as the rows of (U√Σ)ᵀ [rank × rows] and √ΣVᵀ [rank × columns].
    /// - Parameter matrix: the one whose spectrum this is.
    func factors(of matrix: Matrix, rank: Int) throws -> (left: Matrix, right: Matrix) {
        precondition(matrix.rows == rows && matrix.columns == columns, "the matrix is the one of the spectrum")
        let vectors = try gram.leadingEigenvectors(rank)
        if matrix.columns <= matrix.rows {
            let balanced = balance(vectors, try vectors.times(matrix, transposed: true))
            return (balanced.projected, balanced.vectors)
        }
        let balanced = balance(vectors, try vectors.times(matrix, transposed: false))
        return (balanced.vectors, balanced.projected)
    }

    /// Given unit vectors v_k and the projections σ_k·u_k as rows, splits σ_k evenly between the two.
    /// A direction that holds nothing but rounding becomes zero on both sides.
    private func balance(_ vectors: Matrix, _ projected: Matrix) -> (vectors: Matrix, projected: Matrix) {
        var (vectors, projected) = (vectors, projected)
        let negligible = 0x1p-52 * Double(rows + columns) * (energies.first ?? 0).squareRoot()
        for row in 0..<vectors.rows {
            let range = row * projected.columns..<(row + 1) * projected.columns
            let norm = projected.elements[range].reduce(0) { $0 + $1 * $1 }.squareRoot()
            let isNegligible = norm <= negligible
            let vectorFactor = isNegligible ? 0 : norm.squareRoot()
            let projectionFactor = isNegligible ? 0 : 1 / norm.squareRoot()
            for index in range { projected.elements[index] *= projectionFactor }
            for index in row * vectors.columns..<(row + 1) * vectors.columns { vectors.elements[index] *= vectorFactor }
        }
        return (vectors, projected)
    }
}
