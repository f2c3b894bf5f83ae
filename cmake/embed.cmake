# Writes OUT, a C file that holds the bytes of IN as phi_embed_<ID>.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUT} "#include <stddef.h>\nextern const unsigned char phi_embed_${ID}[];\nextern const size_t phi_embed_${ID}_len;\nconst unsigned char phi_embed_${ID}[] = {\n${bytes}0};\nconst size_t phi_embed_${ID}_len = sizeof(phi_embed_${ID}) - 1;\n")
