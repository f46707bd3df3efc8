// What the RFCs print must come out of lib/seal. Every signature here verifies, which is what says
// that the vector was copied right.
#include "seal/http_signature.hpp"

#include <doctest/doctest.h>
#include <sodium.h>

using seal::SignedField;

namespace {

// RFC 9421 B.2's test-request. Its Content-Digest is sha-512, which we carry but never judge by.
const seal::HttpParts k_request{
    .method = "POST",
    .authority = "example.com",
    .path = "/foo",
    .query = "?param=Value&Pet=dog",
    .content_digest = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNye"
                      "aldVLvRwEmTHWXvJwew==:",
    .idempotency_key = {}};

// The fields of it that our requests never cover.
const std::vector<SignedField> k_others{{"date", "Tue, 20 Apr 2021 02:07:55 GMT"},
                                        {"content-type", "application/json"},
                                        {"content-length", "18"}};

// The base over @p names, of which those that are ours come from the request's parts.
std::string base_of(const std::vector<std::string_view> &names, std::string_view params) {
    std::vector<SignedField> all = seal::signed_fields(k_request);
    all.insert(all.end(), k_others.begin(), k_others.end());
    std::vector<SignedField> fields;
    for (const std::string_view name : names)
        for (const SignedField &f : all)
            if (f.name == name)
                fields.push_back(f);
    REQUIRE(fields.size() == names.size());
    return seal::signature_base(fields, params);
}

// B.1.4
seal::SigningKey test_key_ed25519() {
    return *seal::SigningKey::from_seed(
        *seal::from_base64url("n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU"));
}

} // namespace

TEST_CASE("seal: Ed25519 gives the signatures of RFC 8032, section 7.1") {
    struct Vector {
        const char *name, *seed, *key, *message, *signature;
    };
    const Vector vectors[] = {
        {"TEST 1", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970"
         "1cf9b46bd25bf5f0595bbe24655141438e7a100b"},
        {"TEST 2", "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613"
         "d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
        {"TEST 3", "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760"
         "984dc6594a7c15e9716ed28dc027beceea1ec40a"},
        {"TEST 1024", "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
         "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
         "08b8b2b733424243760fe426a4b54908632110a66c2f6591eabd3345e3e4eb98"
         "fa6e264bf09efe12ee50f8f54e9f77b1e355f6c50544e23fb1433ddf73be84d8"
         "79de7c0046dc4996d9e773f4bc9efe5738829adb26c81b37c93a1b270b20329d"
         "658675fc6ea534e0810a4432826bf58c941efb65d57a338bbd2e26640f89ffbc"
         "1a858efcb8550ee3a5e1998bd177e93a7363c344fe6b199ee5d02e82d522c4fe"
         "ba15452f80288a821a579116ec6dad2b3b310da903401aa62100ab5d1a36553e"
         "06203b33890cc9b832f79ef80560ccb9a39ce767967ed628c6ad573cb116dbef"
         "efd75499da96bd68a8a97b928a8bbc103b6621fcde2beca1231d206be6cd9ec7"
         "aff6f6c94fcd7204ed3455c68c83f4a41da4af2b74ef5c53f1d8ac70bdcb7ed1"
         "85ce81bd84359d44254d95629e9855a94a7c1958d1f8ada5d0532ed8a5aa3fb2"
         "d17ba70eb6248e594e1a2297acbbb39d502f1a8c6eb6f1ce22b3de1a1f40cc24"
         "554119a831a9aad6079cad88425de6bde1a9187ebb6092cf67bf2b13fd65f270"
         "88d78b7e883c8759d2c4f5c65adb7553878ad575f9fad878e80a0c9ba63bcbcc"
         "2732e69485bbc9c90bfbd62481d9089beccf80cfe2df16a2cf65bd92dd597b07"
         "07e0917af48bbb75fed413d238f5555a7a569d80c3414a8d0859dc65a46128ba"
         "b27af87a71314f318c782b23ebfe808b82b0ce26401d2e22f04d83d1255dc51a"
         "ddd3b75a2b1ae0784504df543af8969be3ea7082ff7fc9888c144da2af58429e"
         "c96031dbcad3dad9af0dcbaaaf268cb8fcffead94f3c7ca495e056a9b47acdb7"
         "51fb73e666c6c655ade8297297d07ad1ba5e43f1bca32301651339e22904cc8c"
         "42f58c30c04aafdb038dda0847dd988dcda6f3bfd15c4b4c4525004aa06eeff8"
         "ca61783aacec57fb3d1f92b0fe2fd1a85f6724517b65e614ad6808d6f6ee34df"
         "f7310fdc82aebfd904b01e1dc54b2927094b2db68d6f903b68401adebf5a7e08"
         "d78ff4ef5d63653a65040cf9bfd4aca7984a74d37145986780fc0b16ac451649"
         "de6188a7dbdf191f64b5fc5e2ab47b57f7f7276cd419c17a3ca8e1b939ae49e4"
         "88acba6b965610b5480109c8b17b80e1b7b750dfc7598d5d5011fd2dcc5600a3"
         "2ef5b52a1ecc820e308aa342721aac0943bf6686b64b2579376504ccc493d97e"
         "6aed3fb0f9cd71a43dd497f01f17c0e2cb3797aa2a2f256656168e6c496afc5f"
         "b93246f6b1116398a346f1a641f3b041e989f7914f90cc2c7fff357876e506b5"
         "0d334ba77c225bc307ba537152f3f1610e4eafe595f6d9d90d11faa933a15ef1"
         "369546868a7f3a45a96768d40fd9d03412c091c6315cf4fde7cb68606937380d"
         "b2eaaa707b4c4185c32eddcdd306705e4dc1ffc872eeee475a64dfac86aba41c"
         "0618983f8741c5ef68d3a101e8a3b8cac60c905c15fc910840b94c00a0b9d0",
         "0aab4c900501b3e24d7cdf4663326a3a87df5e4843b2cbdb67cbf6e460fec350aa5371b1508f9f4528ecea23"
         "c436d94b5e8fcd4f681e30a6ac00a9704a188a03"},
        {"TEST SHA(abc)", "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
         "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
         "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
         "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c6"
         "6431e0303dca179c138ac17ad9bef1177331a704"}};
    for (const Vector &v : vectors) {
        CAPTURE(v.name);
        const auto key = seal::SigningKey::from_seed(*seal::from_hex(v.seed));
        REQUIRE(key.has_value());
        CHECK(seal::to_hex(key->public_key()) == v.key);
        const auto message = *seal::from_hex(v.message);
        auto signature = key->sign("", message);
        CHECK(seal::to_hex(signature) == v.signature);
        CHECK(seal::verify(key->public_key(), "", message, signature));
        CHECK_FALSE(seal::verify(key->public_key(), "x", message, signature));
        signature[0] ^= 1;
        CHECK_FALSE(seal::verify(key->public_key(), "", message, signature));
    }
}

// RFC 8032, section 5.1.7: S is below the group's order, else anybody makes a second signature of
// one; and a key of small order would verify what nobody signed.
TEST_CASE("seal: a signature with S + L in the place of S, and keys of small order, are refused") {
    const auto key = seal::SigningKey::generate();
    auto signature = key.sign("", {});
    const auto order = *seal::from_hex(
        "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"); // little-endian
    unsigned carry = 0;
    for (std::size_t i = 0; i < 32; ++i) {
        carry += static_cast<unsigned>(signature[32 + i]) + order[i];
        signature[32 + i] = static_cast<std::uint8_t>(carry);
        carry >>= 8U;
    }
    CHECK_FALSE(seal::verify(key.public_key(), "", {}, signature));
    seal::PublicKey identity{1};
    seal::Signature forged{1}; // R is the identity too, S is 0: S·B = R + h·A for every message
    CHECK_FALSE(seal::verify(identity, "", seal::bytes_of("anything"), forged));
}

// The bases of B.2.1 and B.2.3 verify against the RFC's RSA signatures (seen with node's
// crypto); here they are held to what it prints.
TEST_CASE("seal: signature bases are those of RFC 9421, appendix B.2") {
    CHECK(seal::signature_base({},
                               "();created=1618884473;keyid=\"test-key-rsa-pss\";nonce=\"b3k2pp5k7"
                               "z-50gnwp.yemd\"") ==
          "\"@signature-params\": "
          "();created=1618884473;keyid=\"test-key-rsa-pss\";nonce=\"b3k2pp5k7z-"
          "50gnwp.yemd\""); // B.2.1
    CHECK(
        base_of({"date", "@method", "@path", "@query", "@authority", "content-type",
                 "content-digest", "content-length"},
                "(\"date\" \"@method\" \"@path\" \"@query\" \"@authority\" \"content-type\" "
                "\"content-digest\" \"content-length\");created=1618884473;keyid=\"test-key-rsa-"
                "pss\"") ==
        "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n"
        "\"@method\": POST\n"
        "\"@path\": /foo\n"
        "\"@query\": ?param=Value&Pet=dog\n"
        "\"@authority\": example.com\n"
        "\"content-type\": application/json\n"
        "\"content-digest\": sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYll"
        "u7BNNyealdVLvRwEmTHWXvJwew==:\n"
        "\"content-length\": 18\n"
        "\"@signature-params\": (\"date\" \"@method\" \"@path\" \"@query\" \"@authority\" "
        "\"content-type\" \"content-digest\" "
        "\"content-length\");created=1618884473;keyid=\"test-key-"
        "rsa-pss\""); // B.2.3
}

TEST_CASE("seal: a signature base verifies with the shared secret of RFC 9421, B.2.5") {
    const std::string base =
        base_of({"date", "@authority", "content-type"},
                "(\"date\" \"@authority\" "
                "\"content-type\");created=1618884473;keyid=\"test-shared-secret\"");
    const auto secret =
        *seal::from_base64("uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtj"
                           "UkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="); // B.1.5
    std::array<std::uint8_t, crypto_auth_hmacsha256_BYTES> mac{};
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, secret.data(), secret.size());
    crypto_auth_hmacsha256_update(&state, seal::bytes_of(base).data(), base.size());
    crypto_auth_hmacsha256_final(&state, mac.data());
    CHECK(seal::to_base64(mac) == "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=");
}

TEST_CASE("seal: Ed25519 signs the request of RFC 9421, B.2.6, and no other") {
    const auto key = test_key_ed25519();
    CHECK(seal::public_key_text(key.public_key()) == "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs");
    const std::vector<std::string_view> names{"date",       "@method",      "@path",
                                              "@authority", "content-type", "content-length"};
    const std::string_view params =
        "(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")"
        ";created=1618884473;keyid=\"test-key-ed25519\"";
    const std::string_view wanted =
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPi"
        "u4A0w6vuQv5lIp5WPpBKRCw==";
    CHECK(seal::to_base64(key.sign("", seal::bytes_of(base_of(names, params)))) == wanted);
    auto other = names;
    std::swap(other[1], other[2]);
    CHECK(seal::to_base64(key.sign("", seal::bytes_of(base_of(other, params)))) != wanted);
}

// A field that was sent twice is one value: the transformed requests of B.4 verify with it.
TEST_CASE("seal: the signature of RFC 9421, B.4, is over the joined values of a field") {
    const std::vector<SignedField> fields{{"@method", "GET"},
                                          {"@path", "/demo"},
                                          {"@authority", "example.org"},
                                          {"accept", "application/json, */*"}};
    const std::string base = seal::signature_base(
        fields,
        "(\"@method\" \"@path\" \"@authority\" \"accept\");created=1618884473;keyid=\"test-key-"
        "ed25519\"");
    seal::Signature signature{};
    std::ranges::copy(*seal::from_base64("ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyY"
                                         "P9t/LXlh5QMFFQ6cpLt2m0pmj3NDA=="),
                      signature.begin());
    CHECK(seal::verify(test_key_ed25519().public_key(), "", seal::bytes_of(base), signature));
}

// RFC 9530, appendices A and B, and the body without a line feed of RFC 9421's requests.
TEST_CASE("seal: Content-Digest is RFC 9530's") {
    const std::string_view body = "{\"hello\": \"world\"}\n";
    const std::string_view digest = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
    CHECK(seal::content_digest(body) == digest);
    CHECK(seal::content_digest("{\"hello\": \"world\"}") ==
          "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:");
    CHECK(seal::content_digest("") == "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
    CHECK(seal::content_digest("\"world\"}\n") == // B.3: the bytes sent, not the whole resource
          "sha-256=:jjcgBDWNAtbYUXI37CVG3gRuGOAjaaDRGpIUFsdyepQ=:");
    // Algorithms that we do not know, or that are broken, neither vouch nor object.
    const std::string sha512 =
        "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZ"
        "Otw8MjkM7iw7yZ/WkppmM44T3qg==:";
    CHECK(seal::content_digest_matches(fmt::format("{}, {}", digest, sha512), body));
    CHECK(seal::content_digest_matches(fmt::format("unixsum=:GQU=:,\t{}", digest), body));
    for (const std::string_view wrong :
         {"", "sha-256=::", "sha-256",
          "sha=:07CavjDP4u3/TungoUHJO/Wzr4c=:", "md5=:Sd/dVLAcvNLSq16eXua5uQ==:",
          "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:",
          "SHA-256=:RK/0qy18MlBSVnWgjwz6lZEWj"
          "P/lF5HF9bvEF8FabDg=:"}) {
        CAPTURE(wrong);
        CHECK_FALSE(seal::content_digest_matches(wrong, body));
    }
    CHECK_FALSE(seal::content_digest_matches(sha512, body)); // sha-256 is what we ask for
    // Two of one kind are a guess which is meant.
    for (const std::string &second : {std::string(digest), seal::content_digest("{}")})
        for (const auto &field :
             {fmt::format("{}, {}", digest, second), fmt::format("{}, {}", second, digest)})
            CHECK_FALSE(seal::content_digest_matches(field, body));
}
