#include "net/byte_buffer.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace trefoil::net {

TEST_CASE("a buffer that grows to an end that is known has no more room than that") {
  ByteBuffer buffer;
  buffer.append(std::string(700, 'a'));
  buffer.consume(100);
  buffer.reserveExactly(5000);
  CHECK(buffer.capacity() == 5600);
  CHECK(buffer.room().size() == 5000);
  CHECK(buffer.bytes() == std::string(600, 'a'));
  buffer.reserveExactly(4000);
  CHECK(buffer.capacity() == 5600);
}

TEST_CASE("a buffer gives its memory away, and is empty") {
  const std::int64_t before = MemoryAccount::used(MemoryLeaf::kClients);
  {
    ByteBuffer buffer;
    buffer.append("ab");
    const std::string_view bytes = buffer.bytes();
    RequestBlock block = buffer.giveAway();
    CHECK((buffer.empty() && buffer.capacity() == 0));
    CHECK(MemoryAccount::used(MemoryLeaf::kClients) == before + 512);
    CHECK(block.holds(bytes));
    CHECK(bytes == "ab");
    CHECK_FALSE(block.holds("ab"));
    buffer.append("another");
    block = buffer.giveAway();  // in place of the first
    CHECK(MemoryAccount::used(MemoryLeaf::kClients) >= before + 512);
  }
  CHECK(MemoryAccount::used(MemoryLeaf::kClients) == before);
}

}  // namespace trefoil::net
