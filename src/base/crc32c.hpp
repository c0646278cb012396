// CRC32C (Castagnoli polynomial, reflected 0x82F63B78; iSCSI, RFC 3720 appendix B.4): the checksum of log records, checkpoints
// and the manifest.
#pragma once

#include <cstdint>
#include <string_view>

namespace trefoil {

// The checksum of `bytes`; with the checksum of what came before as `seed`, that of both together.
// Uses the CPU's SSE4.2 instruction where it has one (chosen at run time), a table elsewhere. Thread-safe.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0);

// The table-driven one, whatever the CPU; the tests compare the two.
std::uint32_t crc32cPortable(std::string_view bytes, std::uint32_t seed = 0);

}  // namespace trefoil
