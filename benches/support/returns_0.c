/* A PAM module that does nothing: what any module costs that libpam loads. */
int pam_sm_authenticate(void *pam, int flags, int argc, const char **argv)
{
    (void)pam, (void)flags, (void)argc, (void)argv;
    return 0;
}

int pam_sm_setcred(void *pam, int flags, int argc, const char **argv)
{
    (void)pam, (void)flags, (void)argc, (void)argv;
    return 0;
}
