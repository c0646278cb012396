#include "base/crc32c.hpp"

#include <catch2/catch.hpp>
#include <numeric>
#include <random>
#include <string>

namespace trefoil {
namespace {

std::string ascending() {
  std::string bytes(32, '\0');
  std::iota(bytes.begin(), bytes.end(), '\0');
  return bytes;
}

TEST_CASE("crc32c gives the numbers of RFC 3720 B.4") {
  const std::string up = ascending();
  const std::string scsi_read(
      "\x01\xc0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x14\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x14\x00\x00"
      "\x00\x18"
      "\x28\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00",
      48);
  const auto [bytes, expected] = GENERATE_COPY(table<std::string, std::uint32_t>({
      {std::string(32, '\0'), 0x8A9136AA},
      {std::string(32, '\xFF'), 0x62A8AB43},
      {up, 0x46DD794E},
      {std::string(up.rbegin(), up.rend()), 0x113FDB5C},
      {scsi_read, 0xD9963A56},
      {"123456789", 0xE3069283},
      {"", 0},
  }));
  CHECK(crc32c(bytes) == expected);
  CHECK(crc32cPortable(bytes) == expected);
}

TEST_CASE("crc32c: both implementations agree at every length and alignment, in one piece and in two") {
  const unsigned seed = GENERATE(1u, 2u);
  CAPTURE(seed);
  std::mt19937 random(seed);
  std::string bytes(20'000, '\0');
  for (char& byte : bytes) {
    byte = static_cast<char>(random());
  }
  for (int round = 0; round < 3000; ++round) {
    const std::size_t begin = random() % 64;
    const std::size_t size = round < 300 ? static_cast<std::size_t>(round) : random() % (bytes.size() - begin);
    const std::string_view piece = std::string_view(bytes).substr(begin, size);
    const std::uint32_t whole = crc32c(piece);
    REQUIRE(whole == crc32cPortable(piece));
    const std::size_t cut = random() % (size + 1);
    REQUIRE(whole == crc32c(piece.substr(cut), crc32c(piece.substr(0, cut))));
  }
}

}  // namespace
}  // namespace trefoil
