/// The version of this library and its command, by semantic versioning.
public let cleaveVersion = "0.1.0"
