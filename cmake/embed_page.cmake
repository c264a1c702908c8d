# cmake -DINPUT=folder -DOUTPUT=file.cpp -P embed_page.cmake
# One self-contained page of page.html, page.css and page.js, as the C++ source of a string. Lines are literals of their
# own: compilers bound the length of one.
cmake_minimum_required(VERSION 3.25)

file(READ ${INPUT}/page.html html)
file(READ ${INPUT}/page.css css)
file(READ ${INPUT}/page.js js)
string(REPLACE "/*page.css*/" "${css}" html "${html}")
string(REPLACE "/*page.js*/" "${js}" html "${html}")
string(REPLACE "\\" "\\\\" html "${html}")
string(REPLACE "\"" "\\\"" html "${html}")
string(REPLACE "?" "\\?" html "${html}")
string(REPLACE "\n" "\\n\"\n  \"" html "${html}")
file(WRITE ${OUTPUT} "#include \"http/page_text.hpp\"\n\nnamespace corestore::http {\n\n"
                     "const std::string_view page_text = \"${html}\";\n\n} // namespace corestore::http\n")
