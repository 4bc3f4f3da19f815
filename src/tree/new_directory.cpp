#include "tree/new_directory.hpp"

namespace nfsferry {

Task<Result<bool>> looks_new(Tree& tree, const MadeDirectory& made) {
  if ((made.entry.attributes.mode & 0777) != 0700) co_return false;
  auto listing = tree.list(made.directory);
  if (!listing) co_return std::move(listing).error();
  for (;;) {
    auto page = co_await (*listing)->next();
    if (!page) co_return std::move(page).error();
    if (!page->entries.empty() || !page->refused.empty()) co_return false;
    if (page->eof) co_return true;
  }
}

}  // namespace nfsferry
