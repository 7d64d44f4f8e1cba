import CZlib

/// The records of a zip archive (PKWARE, APPNOTE.TXT 6.3): signatures, and where their fields are.
enum ZipFormat {
    static let localHeader: UInt32 = 0x0403_4b50
    static let centralHeader: UInt32 = 0x0201_4b50
    static let end: UInt32 = 0x0605_4b50
    static let end64: UInt32 = 0x0606_4b50
    static let end64Locator: UInt32 = 0x0706_4b50

    static let localHeaderLength = 30
    static let centralHeaderLength = 46
    static let endLength = 22
    static let end64Length = 56
    static let end64LocatorLength = 20

    static let extra64Tag: UInt16 = 1
    static let encryptedFlag: UInt16 = 1
    static let utf8Flag: UInt16 = 1 << 11
    static let stored: UInt16 = 0
    static let deflated: UInt16 = 8
    /// Stands for "the true number is in the zip64 field".
    static let saturated16 = UInt64(UInt16.max)
    static let saturated32 = UInt64(UInt32.max)

    static func checksum(_ bytes: UnsafeRawBufferPointer, continuing checksum: UInt = 0) -> UInt {
        crc32_z(checksum, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
    }
}
