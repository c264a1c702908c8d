#include "messages/type_ids.hpp"

#include <caf/all.hpp>

#include "messages/interfaces.hpp"

namespace corestore {

error from_caf(const caf::error& what) {
  if (!what)
    return {};
  if (what.category() == error_category) {
    error ours{static_cast<ec>(what.code()), {}};
    const auto& context = what.context();
    if (context.match_elements<std::string>())
      ours.detail = context.get_as<std::string>(0);
    return ours;
  }
  if (what == caf::sec::request_timeout)
    return {ec::timed_out, "no answer in time"};
  if (what == caf::sec::request_receiver_down || what.category() == caf::atom("exit"))
    return {ec::store_closed, "the actor that should answer has ended"};
  if (what == caf::sec::unexpected_message || what == caf::sec::unexpected_response)
    return {ec::unsupported, "the other side speaks another version of the messages"};
  return {ec::internal, caf::to_string(what)};
}

namespace messages {

void register_types(caf::actor_system_config& config) {
  config.add_message_types<caf::id_block::corestore>();
  config.add_message_types<caf::id_block::corestore_handles>();
  config.add_error_category(error_category, [](std::uint8_t code, caf::atom_value, const caf::message& context) {
    error ours{static_cast<ec>(code), {}};
    if (context.match_elements<std::string>())
      ours.detail = context.get_as<std::string>(0);
    return to_string(ours);
  });
}

} // namespace messages

} // namespace corestore
