/* What starting costs: every measurement is net of this. */
int main(void)
{
    return 0;
}
