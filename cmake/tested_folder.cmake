# nfsferry_tested_folder(FOLDER LABEL...): a folder whose tests have these labels. Where none of them
# will be run it is built only as far as others need it.
function(nfsferry_tested_folder folder)
  set(labels ${ARGN})
  list(FILTER labels EXCLUDE REGEX "^(${NFSFERRY_WITHOUT_LABELS})$")
  if(labels)
    add_subdirectory(${folder})
  else()
    add_subdirectory(${folder} EXCLUDE_FROM_ALL)
  endif()
endfunction()
