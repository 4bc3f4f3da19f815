#include "tree/new_directory.hpp"

namespace nfsferry {
namespace {

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

}  // namespace

Task<Result<MadeDirectory>> judged_by_its_looks(Tree& tree, MadeDirectory made) {
  NFSFERRY_TRY(bool is_new, co_await looks_new(tree, made), co_return);
  made.created = is_new;
  made.told = false;
  co_return made;
}

}  // namespace nfsferry
